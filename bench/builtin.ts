import { rm } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import type { BenchedAgent } from './agent.ts';
import { costsOf } from './costs.ts';
import { measure } from './measured-process.ts';
import { type Comparison, inTurn } from './pairs.ts';

export interface BuiltinBench {
  readonly agent: BenchedAgent;
  /** On the volume that is measured. */
  readonly folder: string;
  /** A qcow2 file. */
  readonly disk: string;
  readonly mebibytes: number;
  readonly pairs: number;
}

const COPY = 'cp --sparse=always "$1" "$2" && sync "$2"';
const CONVERT = 'qemu-img convert -f qcow2 -O qcow2 "$1" "$2" && sync "$2"';

/** The whole preparation from a built-in disk, against what nobody can be faster than, and against QEMU's own tool. */
export async function benchBuiltin(bench: BuiltinBench): Promise<readonly Comparison[]> {
  const what = 'built-in disk';
  return [
    await against(bench, what, 'cp + sync', COPY, settled),
    await against(bench, `${what}, not in memory`, 'cp + sync', COPY, async () => {
      await settled();
      await dropFromMemory(bench.disk);
    }),
    await against(bench, what, 'qemu-img convert + sync', CONVERT, settled),
  ];
}

async function against(
  { agent, folder, disk, mebibytes, pairs }: BuiltinBench,
  what: string,
  peer: string,
  script: string,
  before: () => Promise<unknown>,
): Promise<Comparison> {
  const prepare = async () => {
    await before();
    return agent.fromBuiltin(disk);
  };
  const copy = async () => {
    const target = path.join(folder, 'copy');
    await before();
    const cost = await measure(['sh', '-c', script, 'sh', disk, target], { folder });
    await rm(target);
    return cost.seconds;
  };
  const { ours, theirs } = await inTurn(pairs, prepare, copy);
  return { what, peer, mebibytes, ...costsOf(ours), theirs };
}

/** What was written before must not be written on the time of what is measured next. */
export async function settled(): Promise<void> {
  await execa('sync');
}

/** The next reader of the file gets it from the disk (GNU dd's manual, "nocache"). */
async function dropFromMemory(file: string): Promise<void> {
  await execa('dd', [`of=${file}`, 'oflag=nocache', 'conv=notrunc,fdatasync', 'count=0', 'status=none']);
}
