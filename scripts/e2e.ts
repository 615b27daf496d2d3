import { parseArgs } from 'node:util';
import { openCluster } from './cluster/index.ts';
import { runCommand, UserError } from './console.ts';
import { prepareEnvironment, runScenarios } from './e2e-environment.ts';

const help = `usage: npm run e2e -- [--restart-operator] [FILTER ...]

Brings the test cluster up if it is not, installs the operator, and runs the files of test/e2e whose names contain a
FILTER (all without one). The cluster stays up: \`LOCO_CLUSTER=loco-test npm run cluster -- down\` ends it.

  --restart-operator   restart the operator in the middle of each scenario, as \`npm test\` does
`;

await runCommand(async () => {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { help: { type: 'boolean', short: 'h' }, 'restart-operator': { type: 'boolean' } },
  });
  if (values.help) {
    process.stdout.write(help);
    return;
  }
  process.env.LOCO_CLUSTER ??= 'loco-test';
  const environment = await prepareEnvironment(await openCluster(), {
    restartOperator: values['restart-operator'] ?? false,
  });
  const counts = await runScenarios(environment, positionals);
  if (counts.passed + counts.failed + counts.skipped === 0) {
    throw new UserError(`no file of test/e2e has a name that contains ${positionals.join(' or ')}`);
  }
  if (counts.failed > 0) process.exitCode = 1;
});
