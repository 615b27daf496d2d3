import { addAbortSignal } from 'node:stream';
import { volumeFiles } from '../disk/volume-files.ts';
import { agentPaths, systemClock } from '../environment.ts';
import { importDisk } from './index.ts';

/** `loco-agent import < win98.qcow2`: lines for a person on standard error, 0 when the disk is the machine's now. */
export async function importCommand(): Promise<number> {
  const stop = new AbortController();
  for (const name of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(name, () => stop.abort());
  const say = (line: string) => process.stderr.write(`${line}\n`);
  const { result } = await importDisk({
    // Without the signal, a read from a terminal that went away would hold the process.
    input: addAbortSignal(stop.signal, process.stdin),
    inputIsTerminal: process.stdin.isTTY === true,
    say,
    paths: agentPaths('/', process.env),
    variables: process.env,
    files: volumeFiles,
    clock: systemClock,
    qemuImg: 'qemu-img',
    signal: stop.signal,
  });
  // The import's lock isn't released here but by the end of this process: as soon as it is free, the preparation ends,
  // the container with it, and this process too.
  say(result.ok ? result.value : `Refused (${result.failure.reason}): ${result.failure.message}`);
  return result.ok ? 0 : 1;
}
