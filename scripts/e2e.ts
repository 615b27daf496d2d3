import { parseArgs } from 'node:util';
import { chooseProvider, readChoice } from './cluster/choice.ts';
import { type Cluster, openChosen } from './cluster/index.ts';
import { runCommand, UserError } from './console.ts';
import { prepareEnvironment, runScenarios } from './e2e-environment.ts';

const help = `usage: npm run e2e -- [--restart-operator] [FILTER ...]

Brings the test cluster up if it is not, installs the operator, and runs the files of test/e2e whose names contain a
FILTER (all without one). The cluster stays up: \`LOCO_CLUSTER=loco-test npm run cluster -- down\` ends it.

  --restart-operator           restart the operator in the middle of each scenario, as \`npm test\` does
  --cluster kind|local         the kind of cluster (default: kind where a docker engine answers, else the local one)
  --install-engine             with kind where no docker engine answers: run the distribution's in a place of its own
  --kubernetes 1.34|1.35|1.36  the Kubernetes that a new local cluster is made of
LOCO_KUBECONFIG gives a cluster that is there already, for example minikube's.
`;

/** Opens the cluster that is asked for. The scenarios' processes find the same one by the environment. */
async function openAsked(values: {
  readonly cluster?: string | undefined;
  readonly kubernetes?: string | undefined;
  readonly 'install-engine'?: boolean | undefined;
}): Promise<Cluster> {
  process.env.LOCO_CLUSTER ??= 'loco-test';
  if (values.cluster !== undefined) process.env.LOCO_PROVIDER = values.cluster;
  const version = values.kubernetes === undefined ? [] : ['--kubernetes', values.kubernetes];
  const engine = values['install-engine'] === true ? ['--install-engine'] : [];
  const choice = readChoice([...version, ...engine], process.env);
  const provider = await chooseProvider(choice);
  if (provider.kind !== 'given') process.env.LOCO_PROVIDER = provider.kind;
  return openChosen(choice, provider);
}

await runCommand(async () => {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      help: { type: 'boolean', short: 'h' },
      'restart-operator': { type: 'boolean' },
      cluster: { type: 'string' },
      'install-engine': { type: 'boolean' },
      kubernetes: { type: 'string' },
    },
  });
  if (values.help) {
    process.stdout.write(help);
    return;
  }
  const environment = await prepareEnvironment(await openAsked(values), {
    restartOperator: values['restart-operator'] ?? false,
  });
  const { passed, failed, skipped } = await runScenarios(environment, positionals);
  if (passed + failed + skipped === 0) {
    throw new UserError(`no file of test/e2e has a name that contains ${positionals.join(' or ')}`);
  }
  if (failed > 0) process.exitCode = 1;
});
