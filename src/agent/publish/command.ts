import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import type { PushedDisk, PushProgress } from '../../oci/push-disk.ts';
import { parseTarget } from '../../oci/reference.ts';
import { mebibytes } from '../disk/space.ts';
import { type AgentPaths, agentPaths } from '../environment.ts';
import { messageOf } from '../failure.ts';
import type { Variables } from '../plan.ts';
import { publishDisk } from './index.ts';

const HELP = `loco-agent publish: puts a disk into a registry, for machines to start from.

usage: loco-agent publish DISK REFERENCE

  DISK                    a qcow2 file that no machine has open; it is only read
  REFERENCE               registry/repository:tag; the tag is set when all of the disk is there

  --registry-config FILE  a docker config.json with the login (as docker login and oras login write it);
                          unless told: $DOCKER_CONFIG/config.json, ~/.docker/config.json, or the machine's pull secret
  --ca-file FILE          PEM certificates that the registry's may be signed by, beside the system's
  --plain-http            speak HTTP without TLS
  --help                  print this

The disk is sent in chunks of 16 MiB of what the guest sees, compressed; chunks that the registry has, from an earlier
disk or an interrupted attempt, are not sent again. No room is needed on this side. The same file always makes the same
digest. The last line, on standard output, is the reference by digest.

  docker run --rm -v "$PWD:/disks:ro" -v "$HOME/.docker:/login:ro" IMAGE \\
    publish --registry-config /login/config.json /disks/win98.qcow2 registry.example/disks/win98:base
`;

const SAY_MILLISECONDS = 2000;

/** `loco-agent publish`: lines for a person on standard error; 0 when the tag is set, 2 for wrong use. */
export async function publishCommand(args: readonly string[]): Promise<number> {
  const say = (line: string) => process.stderr.write(`${line}\n`);
  const read = readArguments(args);
  if (typeof read === 'string') {
    say(`${read}\n\n${HELP}`);
    return 2;
  }
  if (read.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const stop = new AbortController();
  for (const name of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(name, () => stop.abort());
  try {
    const { disk, reference } = read;
    const access = { ...accessOf(read, agentPaths('/', process.env), process.env), signal: stop.signal };
    const onProgress = progressLines(say);
    const result = await publishDisk({ disk, reference, access, qemuImg: 'qemu-img', say, onProgress });
    if (result.ok) {
      say(`Published ${result.value.layers} chunks; ${sentAndPresent(result.value)}.`);
      process.stdout.write(`${reference.replace(/:[^:/]*$/, '')}@${result.value.digest}\n`);
    } else say(`Not published (${result.failure.reason}): ${result.failure.message}`);
    return result.ok ? 0 : 1;
  } catch (error) {
    if (!stop.signal.aborted) throw error;
    say('Interrupted. The tag was left alone; publish again, and what was sent is not sent again.');
    return 1;
  }
}

interface Arguments {
  readonly help: boolean;
  readonly disk: string;
  readonly reference: string;
  readonly registryConfig: string | undefined;
  readonly caFile: string | undefined;
  readonly plainHTTP: boolean;
}

/** The arguments, or what is wrong with them. */
function readArguments(args: readonly string[]): Arguments | string {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      options: {
        help: { type: 'boolean', short: 'h' },
        'registry-config': { type: 'string' },
        'ca-file': { type: 'string' },
        'plain-http': { type: 'boolean' },
      },
      allowPositionals: true,
    });
    const [disk = '', reference = '', ...more] = positionals;
    const help = values.help === true;
    const problem = help ? undefined : problemOf(disk, reference, more);
    if (problem !== undefined) return problem;
    const plainHTTP = values['plain-http'] === true;
    return { help, disk, reference, registryConfig: values['registry-config'], caFile: values['ca-file'], plainHTTP };
  } catch (error) {
    return messageOf(error);
  }
}

function problemOf(disk: string, reference: string, more: readonly string[]): string | undefined {
  if (disk === '' || reference === '') return 'Say which disk, and where it is to go.';
  if (more.length > 0) return `There is more than a disk and a reference: ${more.join(' ')}`;
  if (disk === '-') return 'A disk is read here and there, not front to back: give a file, not standard input.';
  const parsed = parseTarget(reference);
  return parsed.ok ? undefined : parsed.failure.message;
}

function accessOf({ registryConfig, caFile, plainHTTP }: Arguments, paths: AgentPaths, variables: Variables) {
  const docker = path.join(variables['DOCKER_CONFIG'] || path.join(homedir(), '.docker'), 'config.json');
  return {
    oras: 'oras',
    registryConfig: registryConfig ?? (existsSync(docker) ? docker : paths.registryConfig),
    caFile: caFile ?? (existsSync(paths.registryCA) ? paths.registryCA : undefined),
    plainHTTP,
  };
}

function progressLines(say: (line: string) => void): (progress: PushProgress, totalBytes: number) => void {
  let said = performance.now();
  return (progress, totalBytes) => {
    if (performance.now() - said < SAY_MILLISECONDS) return;
    said = performance.now();
    const percent = Math.floor((progress.doneBytes / totalBytes) * 100);
    say(`${percent} % of ${mebibytes(totalBytes)} MiB gone through; ${sentAndPresent(progress)}.`);
  };
}

function sentAndPresent({ sentBytes, presentBytes }: Pick<PushedDisk, 'sentBytes' | 'presentBytes'>): string {
  return `${mebibytes(sentBytes)} MiB sent, ${mebibytes(presentBytes)} MiB in the registry already`;
}
