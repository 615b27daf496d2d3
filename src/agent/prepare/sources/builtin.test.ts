import { realpath } from 'node:fs/promises';
import { expect, test, vi } from 'vitest';
import { volumeOf } from '../../disk/volume.ts';
import { volumeFiles } from '../../disk/volume-files.ts';
import { builtinSource } from './builtin.ts';

vi.mock('node:fs/promises', async (original) => ({ ...(await original<object>()), realpath: vi.fn() }));

test.each([
  { code: 'EIO', kind: 'Failed' },
  { code: 'EMFILE', kind: 'Failed' },
  { code: 'ENOMEM', kind: 'Failed' },
  { code: 'ESTALE', kind: 'Failed' },
  { code: 'EACCES', kind: 'Broken' },
  { code: 'ELOOP', kind: 'Broken' },
  { code: 'ENOENT', kind: 'Absent' },
])(
  "another source may be chosen because of the image alone, and never because of the node's state ($code)",
  async (given) => {
    vi.mocked(realpath).mockRejectedValue(Object.assign(new Error(given.code), { code: given.code }));
    const source = builtinSource(volumeFiles, volumeOf('/images/win98.qcow2'));
    const plan = {
      schemaVersion: 1,
      mode: 'Persistent',
      source: 'Auto',
      builtinPath: '/opt/win98.qcow2.builtin',
      onCorruption: 'Fail',
    } as const;
    const result = await source.stage({ plan, signal: new AbortController().signal, onProgress: () => undefined });
    expect(result.kind).toBe(given.kind);
  },
);
