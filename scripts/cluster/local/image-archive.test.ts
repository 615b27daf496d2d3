import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { imageConfiguration, writeImageArchive } from './image-archive.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'loco-archive-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

test('the configuration names the layer by the digest of its bytes', () => {
  expect(JSON.parse(imageConfiguration({ name: 'x', files: {}, entrypoint: ['/a'] }, 'abc', 'amd64'))).toMatchObject({
    architecture: 'amd64',
    config: { Entrypoint: ['/a'] },
    rootfs: { diff_ids: ['sha256:abc'] },
  });
});

test('the same files make the same layer, whenever they were written', async () => {
  const layers: string[] = [];
  for (const name of ['one.tar', 'two.tar']) {
    await writeFile(join(folder, 'program'), '#!/bin/sh\n', { mode: 0o755 });
    const archive = join(folder, name);
    await writeImageArchive(
      { name: 'localhost/x:1', files: { 'bin/a': join(folder, 'program'), 'bin/b': '->a' }, entrypoint: [] },
      archive,
    );
    layers.push(JSON.parse((await execa('tar', ['-xOf', archive, 'config.json'])).stdout).rootfs.diff_ids[0]);
  }
  expect(layers[0]).toMatch(/^sha256:[0-9a-f]{64}$/);
  expect(layers[1]).toBe(layers[0]);
  const manifest = await execa('tar', ['-xOf', join(folder, 'one.tar'), 'manifest.json']);
  expect(JSON.parse(manifest.stdout)).toMatchObject([{ RepoTags: ['localhost/x:1'] }]);
  expect(await readFile(join(folder, 'program'), 'utf8')).toContain('sh');
});
