import { type Check, driftCheck, lintChecks, runCheck, typecheck } from './checks.ts';
import { openCluster } from './cluster/index.ts';
import { runCommand, step } from './console.ts';
import { prepareEnvironment, runScenarios } from './e2e-environment.ts';
import { AUDIT_TOOLS, CLUSTER_TOOLS, ensureTools } from './tools.ts';
import { NOTHING, type Outcome, runVitest, sum, withFailure } from './vitest.ts';

/** One line of the table at the end. A stage that throws counts as one failure, and the later ones still run. */
interface Stage {
  readonly name: string;
  run(): Promise<Outcome>;
}

/** As much of what a failure says as is repeated at the end, in characters: the whole of it stands where it happened. */
const FAILURE_LENGTH = 1500;

async function runChecks(checks: readonly Check[]): Promise<Outcome> {
  const results: Outcome[] = [];
  for (const check of checks) {
    const passed = await runCheck(check);
    results.push(passed ? { ...NOTHING, passed: 1 } : withFailure(NOTHING, `${check.name}: ${check.remedy}`));
  }
  return sum(results);
}

/** The real cluster's stages share one cluster of their own, which is taken down whatever happens. */
async function onCluster(): Promise<Outcome> {
  process.env.LOCO_CLUSTER = 'loco-test';
  const cluster = await openCluster();
  try {
    const environment = await prepareEnvironment(cluster, { restartOperator: true });
    const api = await runVitest('api', [], { LOCO_KUBECONFIG: cluster.kubeconfig });
    return sum([api, await runScenarios(environment, [])]);
  } finally {
    await cluster.down();
  }
}

const stages: readonly Stage[] = [
  { name: 'sources', run: () => runChecks([typecheck, ...lintChecks, driftCheck]) },
  { name: 'unit', run: () => runVitest('unit') },
  {
    name: 'building the tools',
    run: async () => {
      await ensureTools([...CLUSTER_TOOLS, 'kwok', ...AUDIT_TOOLS]);
      return NOTHING;
    },
  },
  { name: 'runtime on a real API server', run: () => runVitest('kube') },
  { name: 'operator as in its image', run: () => runVitest('operator') },
  { name: 'operator in chaos', run: () => runVitest('chaos') },
  { name: 'chart', run: () => runVitest('chart') },
  { name: 'registry', run: () => runVitest('oci') },
  { name: 'guest', run: () => runVitest('guest') },
  { name: 'agent with QEMU', run: () => runVitest('agent') },
  { name: 'test cluster', run: () => runVitest('cluster') },
  { name: 'API and end to end', run: onCluster },
];

/** What a stage gives; one that throws gives what it threw, as a failure. */
async function run(stage: Stage): Promise<Outcome> {
  try {
    return await stage.run();
  } catch (error) {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    process.stderr.write(`${stage.name}: ${text}\n`);
    return withFailure(NOTHING, text);
  }
}

const counted = ({ passed, failed, skipped }: Outcome) => `${passed} passed, ${failed} failed, ${skipped} skipped\n`;

await runCommand(async () => {
  const rows: { name: string; outcome: Outcome; seconds: number }[] = [];
  for (const stage of stages) {
    step(`== ${stage.name}`);
    const started = performance.now();
    const outcome = await run(stage);
    rows.push({ name: stage.name, outcome, seconds: (performance.now() - started) / 1000 });
  }
  for (const { name, outcome } of rows) {
    for (const failure of outcome.failures) {
      process.stdout.write(`\n✗ ${name}: ${failure.slice(0, FAILURE_LENGTH).trimEnd()}\n`);
    }
  }
  process.stdout.write('\n');
  for (const { name, outcome, seconds } of rows) {
    process.stdout.write(`${name.padEnd(30)}${seconds.toFixed(0).padStart(6)} s  ${counted(outcome)}`);
  }
  const total = sum(rows.map((row) => row.outcome));
  process.stdout.write(`\n${counted(total)}`);
  if (total.failed > 0 || total.passed === 0) process.exitCode = 1;
});
