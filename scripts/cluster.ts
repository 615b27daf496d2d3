import { existsSync } from 'node:fs';
import { type Choice, chooseProvider, type Provider, readChoice } from './cluster/choice.ts';
import { openGivenCluster } from './cluster/given.ts';
import { openChosen } from './cluster/index.ts';
import { kindKubeconfig, removeKindCluster } from './cluster/kind/index.ts';
import { describe, localLayout, removeLocalCluster } from './cluster/local/index.ts';
import { runCommand, step, UserError } from './console.ts';

const USAGE = `usage: npm run cluster -- COMMAND [--kubeconfig FILE] [--provider kind|local] [OPTIONS of up]
  up           bring the cluster up, or mend what has died of it
  down         take it away, with everything that belongs to it
  status       tell what runs
  kubeconfig   print the path of its kubeconfig
  load IMAGE   copy an image from this machine's docker, podman or buildah into its nodes
Options of up:
  --kubernetes 1.34|1.35|1.36   the Kubernetes of a local cluster (default: 1.36, which tests run on)
  --install-engine              for kind where no docker engine answers: run the distribution's in a place of its own
LOCO_CLUSTER names the cluster (default: loco), LOCO_KUBECONFIG gives one that is there already.`;

async function takeDown(choice: Choice, provider: Provider): Promise<void> {
  if (provider.kind === 'given') {
    throw new UserError('A given cluster is not taken down. Leave out --kubeconfig and LOCO_KUBECONFIG.');
  }
  const name = provider.kind === 'local' ? provider.name : choice.name;
  step(`Taking down the ${provider.kind} cluster "${name}"`);
  await (provider.kind === 'kind' ? removeKindCluster(name) : removeLocalCluster(name));
  step('Nothing is left of it');
}

async function status(choice: Choice, provider: Provider): Promise<void> {
  if (provider.kind === 'local') {
    const { lines, healthy } = await describe(localLayout(provider.name));
    process.stdout.write(`${lines.join('\n')}\n`);
    if (!healthy) process.exitCode = 1;
    return;
  }
  const path = pathOfKubeconfig(choice, provider);
  const cluster = await openGivenCluster(path);
  process.stdout.write(`The ${provider.kind} cluster "${cluster.name}" answers (kubeconfig ${path})\n`);
}

function pathOfKubeconfig(choice: Choice, provider: Provider): string {
  if (provider.kind === 'given') return provider.kubeconfig;
  const path = provider.kind === 'kind' ? kindKubeconfig(choice.name) : localLayout(provider.name).kubeconfig;
  if (!existsSync(path)) {
    throw new UserError(`There is no cluster "${choice.name}". Bring it up first: npm run cluster -- up`);
  }
  return path;
}

await runCommand(async () => {
  if (process.argv.includes('--help') || process.argv.includes('-h')) {
    process.stdout.write(`${USAGE}\n`);
    return;
  }
  const choice = readChoice(process.argv.slice(2), process.env);
  const [command, image] = choice.rest;
  const provider = await chooseProvider(choice);
  switch (command) {
    case 'up':
      step(`kubeconfig: ${(await openChosen(choice, provider)).kubeconfig}`);
      return;
    case 'down':
      return takeDown(choice, provider);
    case 'status':
      return status(choice, provider);
    case 'kubeconfig':
      process.stdout.write(`${pathOfKubeconfig(choice, provider)}\n`);
      return;
    case 'load':
      if (image === undefined) throw new UserError(`load needs the name of an image.\n${USAGE}`);
      await (await openChosen(choice, provider)).load(image);
      return;
    default:
      throw new UserError(command === undefined ? USAGE : `There is no command "${command}".\n${USAGE}`);
  }
});
