import http from 'node:http';
import type { Emulator } from '../../src/api/emulator/schema.ts';
import { emulatorSchema } from '../../src/api/emulator/schema.ts';
import { type AgentReport, agentReportSchema } from '../../src/contract/agent-report.ts';
import { PORTS } from '../../src/contract/pod.ts';
import type { KubeObject } from '../../src/kube/object.ts';
import type { ClaimObject, PodObject, StatefulSetObject } from '../../src/operator/emulator/cluster-object.ts';
import type { Admin } from './admin.ts';

/** Everything in the run's namespace that may be an Emulator's, as it is at one time. */
export interface Snapshot {
  readonly emulators: readonly Emulator[];
  readonly statefulSets: readonly StatefulSetObject[];
  readonly services: readonly KubeObject[];
  readonly configMaps: readonly KubeObject[];
  readonly secrets: readonly KubeObject[];
  readonly pods: readonly PodObject[];
  readonly claims: readonly ClaimObject[];
  readonly revisions: readonly KubeObject[];
  /** What each pod's agent says of itself, by the pod's UID; a pod that has no address or doesn't answer has none. */
  readonly reports: ReadonlyMap<string, AgentReport>;
}

/** Looks at everything, the agents among it. */
export async function takeSnapshot(admin: Admin, namespace: string): Promise<Snapshot> {
  const core = (plural: string): string => `/api/v1/namespaces/${namespace}/${plural}`;
  const apps = (plural: string): string => `/apis/apps/v1/namespaces/${namespace}/${plural}`;
  const [emulators, statefulSets, services, configMaps, secrets, pods, claims, revisions] = await Promise.all([
    admin.list<unknown>(`/apis/loco.mroie.github.io/v1alpha1/namespaces/${namespace}/emulators`),
    admin.list<StatefulSetObject>(apps('statefulsets')),
    admin.list<KubeObject>(core('services')),
    admin.list<KubeObject>(core('configmaps')),
    admin.list<KubeObject>(core('secrets')),
    admin.list<PodObject>(core('pods')),
    admin.list<ClaimObject>(core('persistentvolumeclaims')),
    admin.list<KubeObject>(apps('controllerrevisions')),
  ]);
  return {
    emulators: emulators.map((emulator) => emulatorSchema.parse(emulator)),
    statefulSets,
    services,
    configMaps,
    secrets,
    pods,
    claims,
    revisions,
    reports: await askAgents(pods),
  };
}

async function askAgents(pods: readonly PodObject[]): Promise<Map<string, AgentReport>> {
  const answers = await Promise.all(pods.map(({ status }) => askAgent(status?.podIP)));
  return new Map(answers.filter((report) => report !== undefined).map((report) => [report.podUid, report]));
}

const AGENT_TIMEOUT_MS = 5_000;

/** The stubs let everybody in who has a token. */
function askAgent(address: string | undefined): Promise<AgentReport | undefined> {
  if (address === undefined) return Promise.resolve(undefined);
  const headers = { Authorization: 'Bearer chaos', Connection: 'close' };
  return new Promise((resolve) => {
    const silent = (): void => resolve(undefined);
    const sent = http.get({ host: address, port: PORTS.agent, path: '/status', headers, timeout: AGENT_TIMEOUT_MS });
    sent.on('error', silent);
    sent.on('timeout', () => sent.destroy());
    sent.once('response', (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('error', silent);
      response.on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('end', () => {
        resolve(response.statusCode === 200 ? agentReportSchema.safeParse(JSON.parse(text)).data : undefined);
      });
    });
  });
}
