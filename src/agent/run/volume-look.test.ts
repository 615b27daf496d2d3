import { mkdir, mkdtemp, readdir, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it } from 'vitest';
import { volumeOf } from '../disk/volume.ts';
import { systemClock } from '../environment.ts';
import { VolumeWatch, volumeQuestions } from './volume-look.ts';

const MEBIBYTE = 1024 ** 2;

it('a volume that hangs is asked once, however often it is looked at', async () => {
  const asked: string[] = [];
  const hanging = (what: string) => () => {
    asked.push(what);
    return new Promise<never>(() => {});
  };
  const questions = { look: hanging('look'), write: hanging('write'), giveBack: hanging('giveBack') };
  const volume = new VolumeWatch(questions, { ...systemClock, sleep: async () => {} });
  for (let look = 0; look < 10; look += 1) {
    expect(await volume.look(true)).toEqual({
      space: undefined,
      disk: 'Unknown',
      readOnly: false,
      takesData: false,
    });
    await volume.giveBack();
  }
  expect(asked).toEqual(['look', 'write', 'giveBack']);
});

it('what a look writes is 1 MiB that stays, counts as free, and is given back', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'loco-look-'));
  const disk = path.join(folder, 'win98.qcow2');
  const own = volumeOf(disk).folder;
  await mkdir(own);
  const given = {
    ...volumeQuestions(disk, 1),
    look: async () => ({ ...LOOK, space: { freeBytes: 0, totalBytes: 1 } }),
  };
  const volume = new VolumeWatch(given, systemClock);
  expect(await volume.look(true)).toMatchObject({ takesData: true, space: { freeBytes: 0 } });
  const { ino } = await stat(path.join(own, 'probe'));
  expect(await volume.look(true)).toMatchObject({ takesData: true, space: { freeBytes: MEBIBYTE } });
  expect(await stat(path.join(own, 'probe'))).toMatchObject({ ino, size: MEBIBYTE });
  await volume.giveBack();
  expect(await readdir(own)).toEqual([]);
  expect(await volume.look(false)).toMatchObject({ takesData: undefined, space: { freeBytes: 0 } });
});

const LOOK = { disk: 'There', readOnly: false } as const;
