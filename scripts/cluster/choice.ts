import { basename, dirname, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { execa } from 'execa';
import { UserError } from '../console.ts';
import { KUBERNETES_VERSIONS, type KubernetesMinor } from '../tools.ts';
import { localClustersFolder } from './local/layout.ts';

/** Which cluster a command is about, as arguments and environment say. */
export interface Choice {
  readonly name: string;
  readonly kubeconfig?: string;
  readonly provider?: 'kind' | 'local';
  /** The Kubernetes to build and run; what the cluster has already, else the newest, where it isn't given. */
  readonly kubernetes?: KubernetesMinor;
  /** Run the distribution's docker engine for kind. */
  readonly installEngine: boolean;
  /** What is left of the arguments. */
  readonly rest: readonly string[];
}

const options = {
  kubeconfig: { type: 'string' },
  provider: { type: 'string' },
  kubernetes: { type: 'string' },
  'install-engine': { type: 'boolean' },
} as const;

const isKubernetes = (text: string): text is KubernetesMinor => Object.hasOwn(KUBERNETES_VERSIONS, text);

/** @throws UserError for a version that there are no pins for, or one asked of a cluster that can't be made of it */
function readKubernetes(text: string | undefined, kubeconfig?: string, provider?: string): KubernetesMinor | undefined {
  if (text === undefined) return undefined;
  if (!isKubernetes(text)) {
    const known = Object.keys(KUBERNETES_VERSIONS).join(', ');
    throw new UserError(`There is no Kubernetes "${text}" to build: use one of ${known}.`);
  }
  if (provider === 'local' || (provider === undefined && kubeconfig === undefined)) return text;
  throw new UserError('--kubernetes builds Kubernetes for the local cluster: add --provider local, or leave it out.');
}

/**
 * Reads `--kubeconfig FILE` (or LOCO_KUBECONFIG), `--provider kind|local` (or LOCO_PROVIDER), `--kubernetes VERSION`,
 * `--install-engine` and LOCO_CLUSTER.
 * @throws UserError for values that mean nothing
 */
export function readChoice(args: readonly string[], environment: NodeJS.ProcessEnv): Choice {
  const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true });
  const name = environment.LOCO_CLUSTER || 'loco';
  // It becomes the node's name, and part of a control group's.
  if (!/^[a-z]([a-z0-9-]{0,28}[a-z0-9])?$/.test(name)) {
    throw new UserError(
      `LOCO_CLUSTER is "${name}": use up to 30 small letters, digits and hyphens, beginning with a letter.`,
    );
  }
  const provider = values.provider ?? (environment.LOCO_PROVIDER || undefined);
  if (provider !== undefined && provider !== 'kind' && provider !== 'local') {
    throw new UserError(
      `There is no provider "${provider}": use kind or local. A cluster that you have, such as minikube's, is given with LOCO_KUBECONFIG.`,
    );
  }
  const kubeconfig = values.kubeconfig ?? (environment.LOCO_KUBECONFIG || undefined);
  const kubernetes = readKubernetes(values.kubernetes, kubeconfig, provider);
  const installEngine = values['install-engine'] ?? false;
  if (installEngine && provider !== 'kind') {
    throw new UserError('--install-engine runs a docker engine for kind: add --provider kind, or leave it out.');
  }
  return {
    name,
    installEngine,
    ...(kubernetes === undefined ? {} : { kubernetes }),
    ...(kubeconfig === undefined ? {} : { kubeconfig }),
    ...(provider === undefined ? {} : { provider }),
    rest: positionals,
  };
}

/** Where the cluster comes from. */
export type Provider =
  | { readonly kind: 'given'; readonly kubeconfig: string }
  | { readonly kind: 'kind' }
  | { readonly kind: 'local'; readonly name: string };

async function dockerAnswers(): Promise<boolean> {
  const answer = await execa('docker', ['info'], { reject: false, timeout: 10_000 });
  return answer.exitCode === 0;
}

/** The local cluster whose kubeconfig this is. */
function localNameOf(kubeconfig: string): string | undefined {
  const path = resolve(kubeconfig);
  return dirname(dirname(path)) === localClustersFolder && basename(path) === 'kubeconfig'
    ? basename(dirname(path))
    : undefined;
}

/**
 * A given kubeconfig, else what was asked for, else kind where a docker engine answers, else the local cluster. The
 * kubeconfig of a local cluster means that one, with all that it can do.
 */
export async function chooseProvider(choice: Choice, hasDocker = dockerAnswers): Promise<Provider> {
  if (choice.provider === undefined && choice.kubeconfig !== undefined) {
    const name = localNameOf(choice.kubeconfig);
    return name === undefined ? { kind: 'given', kubeconfig: choice.kubeconfig } : { kind: 'local', name };
  }
  // Only the local cluster is made of a Kubernetes that was asked for.
  const asked = choice.provider ?? (choice.kubernetes === undefined ? undefined : 'local');
  const kind = asked ?? ((await hasDocker()) ? 'kind' : 'local');
  return kind === 'kind' ? { kind } : { kind, name: choice.name };
}
