import path from 'node:path';
import { execa } from 'execa';
import { parseAllDocuments } from 'yaml';
import { z } from 'zod';
import { projectFolder } from '../../scripts/folders.ts';
import { writeOperatorProgram } from '../../scripts/images/operator-program.ts';
import { ensureTools } from '../../scripts/tools.ts';
import type { Ground } from './ground.ts';
import { hasCondition, type OperatorProgram, type Subject } from './subject.ts';

const RELEASE = 'loco-operator';
const NAMESPACE = 'loco-system';
const HEALTH_PORT = 8181;

const environmentSchema = z.array(
  z.object({
    name: z.string(),
    value: z.coerce.string().optional(),
    valueFrom: z.object({ fieldRef: z.object({ fieldPath: z.string() }) }).optional(),
  }),
);

const deploymentSchema = z.object({
  kind: z.literal('Deployment'),
  spec: z.object({
    template: z.object({
      spec: z.object({
        serviceAccountName: z.string(),
        containers: z.tuple([z.object({ env: environmentSchema })]).rest(z.unknown()),
      }),
    }),
  }),
});

type Environment = z.infer<typeof environmentSchema>;

async function renderChart(): Promise<readonly unknown[]> {
  const { helm } = await ensureTools(['helm']);
  const chart = path.join(projectFolder, 'helm/loco-operator');
  const rendered = await execa(helm, ['template', RELEASE, chart, '--namespace', NAMESPACE, '--no-hooks']);
  return parseAllDocuments(rendered.stdout)
    .map((document): unknown => document.toJS())
    .filter((object) => object !== null);
}

/** The environment that a pod of the chart's Deployment would have. */
function environmentOf(environment: Environment, replica: number): Record<string, string> {
  const pod = `loco-operator-${replica}`;
  const fields: Readonly<Record<string, string>> = {
    'metadata.name': pod,
    'metadata.namespace': NAMESPACE,
    'metadata.uid': `uid-of-${pod}`,
  };
  const values = environment.map(({ name, value, valueFrom }) => [
    name,
    value ?? fields[valueFrom?.fieldRef.fieldPath ?? ''] ?? '',
  ]);
  return Object.fromEntries(values);
}

/**
 * Installs what the chart has besides its Deployment, and bundles the operator as its image has it.
 * @param nodeFlags given to Node beside the image's own
 */
export async function installOurs(ground: Ground, nodeFlags: readonly string[] = []): Promise<Subject> {
  const objects = await renderChart();
  const deployment = objects.map((object) => deploymentSchema.safeParse(object)).find(({ success }) => success)?.data;
  if (deployment === undefined) throw new Error('the chart has no Deployment that this bench understands');
  const { serviceAccountName, containers } = deployment.spec.template.spec;
  await ground.apply([path.join(projectFolder, 'crds')]);
  await ground.applyObjects(
    NAMESPACE,
    objects.filter((object) => !deploymentSchema.safeParse(object).success),
  );
  const [node = process.execPath, ...program] = await writeOperatorProgram(path.join(ground.folder, 'operator'));
  const operator: OperatorProgram = {
    namespace: NAMESPACE,
    serviceAccount: serviceAccountName,
    lease: 'loco-operator',
    start: (replica) => ({
      command: [node, ...nodeFlags, ...program],
      env: { ...environmentOf(containers[0].env, replica), LOCO_HEALTH_PORT: String(HEALTH_PORT + replica) },
    }),
  };
  const collection = (namespace: string) => `/apis/loco.mroie.github.io/v1alpha1/namespaces/${namespace}/emulators`;
  await ground.served(collection('default'));
  return {
    title: 'ours',
    operator,
    collection,
    resource: (namespace, name) => [
      {
        path: collection(namespace),
        body: {
          apiVersion: 'loco.mroie.github.io/v1alpha1',
          kind: 'Emulator',
          metadata: { name },
          spec: { storage: { mode: 'Persistent', size: '1Gi' } },
        },
      },
    ],
    isReady: (object) => hasCondition(object, 'Ready'),
    statefulSet: (name) => name,
  };
}
