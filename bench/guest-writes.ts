import { copyFile, mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { ensureTestGuest } from '../test/guest/index.ts';
import { GuestMachine } from '../test/guest/machine.ts';
import { type Comparison, inTurn } from './pairs.ts';

export interface GuestWritesBench {
  /** On the volume that is measured. */
  readonly folder: string;
  readonly mebibytes: number;
  readonly pairs: number;
}

interface Writes {
  readonly firstSeconds: number;
  readonly againSeconds: number;
}

/** What a guest pays for a disk without a write cache: MiB by MiB with O_DIRECT, on the emulated IDE disk. */
export async function benchGuestWrites({ folder, mebibytes, pairs }: GuestWritesBench): Promise<readonly Comparison[]> {
  const guest = await ensureTestGuest();
  const writes = (writeCache: 'on' | 'off') => write(guest, path.join(folder, 'guest'), mebibytes, writeCache);
  const { ours, theirs } = await inTurn(
    pairs,
    () => writes('off'),
    () => writes('on'),
  );
  const peer = 'write-cache=on';
  const comparison = (what: string, of: (writes: Writes) => number): Comparison => ({
    what,
    peer,
    mebibytes,
    ours: ours.map(of),
    theirs: theirs.map(of),
  });
  return [
    comparison('guest writes, room of the disk new to it', ({ firstSeconds }) => firstSeconds),
    comparison('guest writes, over what it wrote before', ({ againSeconds }) => againSeconds),
  ];
}

async function write(guest: string, folder: string, mebibytes: number, writeCache: 'on' | 'off'): Promise<Writes> {
  await mkdir(folder);
  const disk = path.join(folder, 'win98.qcow2');
  await copyFile(guest, disk);
  const machine = await GuestMachine.start(disk, folder, { writeCache });
  try {
    await machine.expect(/LOCO-GUEST ready/, 120_000);
    return { firstSeconds: await typed(machine, mebibytes), againSeconds: await typed(machine, mebibytes) };
  } finally {
    await machine.kill();
    await rm(folder, { recursive: true });
  }
}

async function typed(machine: GuestMachine, mebibytes: number): Promise<number> {
  const started = performance.now();
  await machine.type(`write-direct ${mebibytes}`, 600_000);
  return (performance.now() - started) / 1000;
}
