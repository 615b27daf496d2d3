import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, existsSync, openSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readPem } from '../local/certificates.ts';
import { kubectl } from '../local/kubectl.ts';
import { inNode } from '../local/node.ts';
import { signal } from '../local/processes.ts';
import { writeIfChanged } from '../local/text-file.ts';
import { waitFor } from '../wait.ts';
import type { Running } from './bring-up.ts';
import { serviceEnvironment } from './components.ts';

/** How a program is started inside a simulated cluster. */
export interface InsideOptions {
  /** Tells its log file from others'. */
  readonly name: string;
  /** Its whole environment, besides PATH, HOME and what `serviceAccount` adds. */
  readonly env?: Readonly<Record<string, string>>;
  /**
   * It runs as in a pod of this service account, which must exist: with the account's token, the authority and the
   * namespace under /var/run/secrets, and the API server's address in its environment.
   */
  readonly serviceAccount?: { readonly namespace: string; readonly name: string };
}

/** How a process ended. */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A program that runs inside a simulated cluster, and ends with it. */
export interface InsideProcess {
  /** As this machine counts. */
  readonly pid: number;
  /** When its start began, in milliseconds since the epoch. */
  readonly startedAt: number;
  /** Path of the file that has what it wrote to both outputs. */
  readonly log: string;
  readonly ended: Promise<Exit>;
  signal(name: NodeJS.Signals): void;
}

const SECRETS = '/var/run/secrets/kubernetes.io/serviceaccount';

/**
 * Arguments: the cluster's folder; a file without name servers, so that who asks for a name hears at once that there is
 * none; the folder of secrets or nothing; where that belongs; the command.
 */
const START = [
  'test ! -e /etc/resolv.conf || mount --bind "$2" /etc/resolv.conf',
  'test -z "$3" || { mkdir -p "$4"; mount --bind "$3" "$4"; }',
  'cd "$1"; shift 4; exec "$@"',
].join('\n');

/** The files that a pod of this service account would have. */
async function secretsOf(
  { node }: Running,
  { namespace, name }: NonNullable<InsideOptions['serviceAccount']>,
): Promise<string> {
  const folder = join(node.layout.root, 'service-accounts', namespace, name);
  await mkdir(folder, { recursive: true });
  const token = join(folder, 'token');
  // A container that is started again has the token of its pod, whether the API server is there or not.
  if (existsSync(token)) return folder;
  const made = await kubectl(node, ['create', 'token', name, `--namespace=${namespace}`, '--duration=24h']);
  if (made.exitCode !== 0) throw new Error(`no token for ${namespace}/${name}: ${made.stderr}`);
  await writeIfChanged(join(folder, 'namespace'), namespace);
  await writeIfChanged(join(folder, 'ca.crt'), await readPem(node.layout, 'ca.crt'));
  await writeIfChanged(token, made.stdout);
  return folder;
}

/** The process that an nsenter has brought inside: its only child; of one that has ended already, the nsenter itself. */
async function childOf(entrance: ChildProcess): Promise<number> {
  const { pid = 0 } = entrance;
  const look = async () => {
    if (entrance.exitCode !== null || entrance.signalCode !== null) return pid;
    const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '');
    const child = Number(children.trim().split(' ')[0]);
    return child > 0 ? child : undefined;
  };
  return waitFor('the program to be inside', look, { seconds: 10 });
}

/** Starts a program inside the cluster's namespaces. */
export async function spawnInside(
  running: Running,
  command: readonly string[],
  options: InsideOptions,
): Promise<InsideProcess> {
  const { node, addresses } = running;
  const { root, log: logs } = node.layout;
  const secrets = options.serviceAccount === undefined ? '' : await secretsOf(running, options.serviceAccount);
  const names = join(node.layout.configuration, 'resolv.conf');
  const path = join(logs, `${options.name}.log`);
  const log = openSync(path, 'a');
  const start = ['unshare', '--mount', 'sh', '-ec', START, 'sh', root, names, secrets, SECRETS, ...command];
  const [program, args] = inNode(node.first, start);
  const service = options.serviceAccount === undefined ? {} : serviceEnvironment(addresses);
  const env = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', HOME: root, ...service, ...options.env };
  const startedAt = Date.now();
  const entrance = spawn(program, args, { stdio: ['ignore', log, log], cwd: '/', env });
  closeSync(log);
  const ended = new Promise<Exit>((resolve, reject) => {
    entrance.once('error', reject);
    entrance.once('exit', (code, name) => resolve({ code, signal: name }));
  });
  const pid = await childOf(entrance);
  return {
    pid,
    startedAt,
    log: path,
    ended,
    signal: (name) => {
      signal(pid, name);
      // It stops itself when its child is stopped.
      if (name === 'SIGCONT' || name === 'SIGKILL') entrance.kill('SIGCONT');
    },
  };
}
