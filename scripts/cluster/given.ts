import { existsSync } from 'node:fs';
import { execa } from 'execa';
import { step, UserError } from '../console.ts';
import { ensureTools } from '../tools.ts';
import type { Cluster } from './cluster.ts';
import { type ImageSource, loadWords, withImageSource } from './engine.ts';

/** How images get into a cluster whose context has this name; undefined where that can't be told. */
export function loadCommand(context: string, source: ImageSource): readonly [string, ...string[]] | undefined {
  const [kind, name] = loadWords(source);
  if (context === 'minikube') return ['minikube', 'image', 'load', name];
  if (context.startsWith('kind-')) return ['kind', 'load', kind, name, '--name', context.slice(5)];
  return undefined;
}

async function load(context: string, image: string): Promise<void> {
  await withImageSource(image, async (source) => {
    const command = loadCommand(context, source);
    if (command === undefined) {
      throw new UserError(
        `How images get into the cluster of context "${context}" can't be told (kind and minikube are known). Push ${image} to a registry that its nodes can pull from, and name it in your Emulators and in the chart's values.`,
      );
    }
    const [program, ...args] = command;
    step(`Loading ${image}: ${command.join(' ')}`);
    const result = await execa(program, args, { reject: false });
    if (result.exitCode !== 0) throw new UserError(`${command.join(' ')} failed: ${result.stderr ?? result.message}`);
  });
}

/** A cluster that somebody else made: it is used as it is. */
export async function openGivenCluster(kubeconfig: string): Promise<Cluster> {
  if (!existsSync(kubeconfig)) throw new UserError(`There is no kubeconfig ${kubeconfig}: correct LOCO_KUBECONFIG.`);
  const { kubectl, helm, oras } = await ensureTools(['kubectl', 'helm', 'oras']);
  const ask = (...args: string[]) => execa(kubectl, [`--kubeconfig=${kubeconfig}`, ...args], { reject: false });
  const answer = await ask('get', '--raw', '/readyz', '--request-timeout=10s');
  if (answer.exitCode !== 0) {
    throw new UserError(`The cluster of ${kubeconfig} doesn't answer: ${answer.stderr}`);
  }
  const context = (await ask('config', 'current-context')).stdout.trim();
  return {
    provider: 'given',
    name: context,
    kubeconfig,
    kubectl,
    helm,
    oras,
    load: (image) => load(context, image),
    async down() {
      step(`The cluster of ${kubeconfig} isn't ours: it is left as it is`);
    },
  };
}
