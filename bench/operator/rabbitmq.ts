import path from 'node:path';
import { execa } from 'execa';
import { projectFolder } from '../../scripts/folders.ts';
import { goProgram } from '../../scripts/tools/go-program.ts';
import { ensureTools } from '../../scripts/tools.ts';
import type { Ground } from './ground.ts';
import { hasCondition, type OperatorProgram, type Subject } from './subject.ts';

const NAMESPACE = 'rabbitmq-system';
const MODULE = 'github.com/rabbitmq/cluster-operator/v2';
const METRICS_PORT = 9180;
const HEALTH_PORT = 8281;

/** What its operator runs in the pods of its clusters. */
export const RABBITMQ_PROGRAMS = ['rabbitmqctl', 'rabbitmq-plugins', 'rabbitmq-queues'];

/** Folder of the module's sources, which has its CRD and its rights. */
async function moduleFolder(): Promise<string> {
  const cwd = path.join(projectFolder, 'tools/rabbitmq-operator');
  const go = await goProgram();
  await execa(go, ['mod', 'download', MODULE], { cwd });
  return (await execa(go, ['list', '-m', '-f', '{{.Dir}}', MODULE], { cwd })).stdout;
}

/** Installs the operator's CRD and rights as its own manifests have them. */
export async function installRabbitmq(ground: Ground): Promise<Subject> {
  const { 'rabbitmq-operator': program } = await ensureTools(['rabbitmq-operator']);
  const config = path.join(await moduleFolder(), 'config');
  const rights = ['service_account', 'role', 'role_binding', 'leader_election_role', 'leader_election_role_binding'];
  await ground.applyObjects(NAMESPACE, []);
  await ground.apply([
    path.join(config, 'crd/bases'),
    ...rights.map((name) => path.join(config, 'rbac', `${name}.yaml`)),
  ]);
  const operator: OperatorProgram = {
    namespace: NAMESPACE,
    serviceAccount: 'rabbitmq-cluster-operator',
    lease: 'rabbitmq-cluster-operator-leader-election',
    start: (replica) => ({
      command: [
        program,
        `--metrics-bind-address=:${METRICS_PORT + replica}`,
        `--health-probe-bind-address=:${HEALTH_PORT + replica}`,
      ],
      env: { OPERATOR_NAMESPACE: NAMESPACE },
    }),
  };
  const collection = (namespace: string) => `/apis/rabbitmq.com/v1beta1/namespaces/${namespace}/rabbitmqclusters`;
  await ground.served(collection('default'));
  return {
    title: 'RabbitMQ',
    operator,
    collection,
    resource: (namespace, name) => [
      {
        path: collection(namespace),
        body: {
          apiVersion: 'rabbitmq.com/v1beta1',
          kind: 'RabbitmqCluster',
          metadata: { name },
          spec: { replicas: 1, persistence: { storage: '1Gi' } },
        },
      },
    ],
    isReady: (object) => hasCondition(object, 'AllReplicasReady'),
    statefulSet: (name) => `${name}-server`,
  };
}
