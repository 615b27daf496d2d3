import { waitFor } from '../../../scripts/cluster/wait.ts';
import type { TestCluster } from './cli.ts';

const NAME = 'counter';

/** A StatefulSet that adds a line to a file on its volume at every start and serves the file. */
const objects = {
  apiVersion: 'v1',
  kind: 'List',
  items: [
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: NAME },
      spec: { selector: { app: NAME }, ports: [{ port: 80, targetPort: 8080 }] },
    },
    {
      apiVersion: 'apps/v1',
      kind: 'StatefulSet',
      metadata: { name: NAME },
      spec: {
        serviceName: NAME,
        selector: { matchLabels: { app: NAME } },
        template: {
          metadata: { labels: { app: NAME } },
          spec: {
            terminationGracePeriodSeconds: 1,
            securityContext: {
              runAsNonRoot: true,
              runAsUser: 10001,
              fsGroup: 10001,
              seccompProfile: { type: 'RuntimeDefault' },
            },
            containers: [
              {
                name: 'serve',
                image: 'localhost/loco/busybox:1',
                command: ['sh', '-c', 'echo start >> /data/starts; exec busybox httpd -f -p 8080 -h /data'],
                securityContext: {
                  allowPrivilegeEscalation: false,
                  capabilities: { drop: ['ALL'] },
                  readOnlyRootFilesystem: true,
                },
                resources: { limits: { memory: '32Mi' } },
                readinessProbe: { httpGet: { path: '/starts', port: 8080 }, periodSeconds: 1 },
                volumeMounts: [{ name: 'data', mountPath: '/data' }],
              },
            ],
          },
        },
        volumeClaimTemplates: [
          {
            metadata: { name: 'data' },
            spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '16Mi' } } },
          },
        ],
      },
    },
  ],
};

/** A pod with a volume, a Service and a name: what anything else on the cluster builds upon. */
export class Workload {
  readonly #cluster: TestCluster;

  constructor(cluster: TestCluster) {
    this.#cluster = cluster;
  }

  async start(): Promise<void> {
    await this.#cluster.kubectl(['apply', '-f', '-'], JSON.stringify(objects));
    await this.waitReady();
  }

  async waitReady(): Promise<void> {
    await this.#cluster.kubectl(['rollout', 'status', `statefulset/${NAME}`, '--timeout=90s']);
  }

  /** How often the container was started, as its volume tells; asked at the Service's address from this machine. */
  async starts(): Promise<number> {
    const address = await this.#cluster.kubectl(['get', 'service', NAME, '-o=jsonpath={.spec.clusterIP}']);
    const read = async () => {
      const answer = await fetch(`http://${address}/starts`, { signal: AbortSignal.timeout(2000) }).catch(
        () => undefined,
      );
      return answer?.ok ? await answer.text() : undefined;
    };
    const text = await waitFor(`an answer of ${address}`, read, { seconds: 30 });
    return text.trim().split('\n').length;
  }

  /** What a shell command in the pod prints. */
  async shell(command: string): Promise<string> {
    return this.#cluster.kubectl(['exec', `${NAME}-0`, '--', 'sh', '-c', command]);
  }
}
