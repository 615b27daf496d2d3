import { type Check, driftCheck, lintChecks, runCheck, typecheck } from './checks.ts';
import { openCluster } from './cluster/index.ts';
import { runCommand, step } from './console.ts';
import { prepareEnvironment, runScenarios } from './e2e-environment.ts';
import { AUDIT_TOOLS, CLUSTER_TOOLS, ensureTools } from './tools.ts';
import { type Counts, runVitest, sum } from './vitest.ts';

/** One line of the table at the end. A stage that throws counts as one failure, and the later ones still run. */
interface Stage {
  readonly name: string;
  run(): Promise<Counts>;
}

const nothing: Counts = { passed: 0, failed: 0, skipped: 0 };

async function runChecks(checks: readonly Check[]): Promise<Counts> {
  const results: Counts[] = [];
  for (const check of checks) {
    results.push((await runCheck(check)) ? { ...nothing, passed: 1 } : { ...nothing, failed: 1 });
  }
  return sum(results);
}

/** The real cluster's stages share one cluster of their own, which is taken down whatever happens. */
async function onCluster(): Promise<Counts> {
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
      await ensureTools([...CLUSTER_TOOLS, ...AUDIT_TOOLS]);
      return nothing;
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

await runCommand(async () => {
  const rows: { name: string; counts: Counts; seconds: number }[] = [];
  for (const stage of stages) {
    step(`== ${stage.name}`);
    const started = performance.now();
    const counts = await stage.run().catch((error: unknown) => {
      process.stderr.write(
        `${stage.name}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
      );
      return { ...nothing, failed: 1 };
    });
    rows.push({ name: stage.name, counts, seconds: (performance.now() - started) / 1000 });
  }
  process.stdout.write('\n');
  for (const { name, counts, seconds } of rows) {
    process.stdout.write(
      `${name.padEnd(30)}${seconds.toFixed(0).padStart(6)} s  ${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped\n`,
    );
  }
  const total = sum(rows.map((row) => row.counts));
  process.stdout.write(`\n${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped\n`);
  if (total.failed > 0 || total.passed === 0) process.exitCode = 1;
});
