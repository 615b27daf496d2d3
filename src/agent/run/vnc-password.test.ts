import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseVncPassword, prepareVncSecret } from './vnc-password.ts';

describe('a VNC password', () => {
  it.each([
    ['abcdefgh', 'abcdefgh'],
    ['abcdefgh\n', 'abcdefgh'],
    ['abc\r\n', 'abc'],
    ['a b\n\n', 'a b\n'],
  ])('%j is taken as %j', (mounted, password) => {
    expect(parseVncPassword(Buffer.from(mounted))).toEqual({ ok: true, value: Buffer.from(password) });
  });

  it.each(['', '\n', '\r\n', 'abcdefghi', 'pässwörd'])('%j is refused', (mounted) => {
    expect(parseVncPassword(Buffer.from(mounted))).toMatchObject({
      ok: false,
      failure: { reason: 'VNCPasswordInvalid', message: expect.stringContaining('8') },
    });
  });
});

describe("the file with QEMU's VNC password", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'loco-vnc-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('holds the password and nothing else, for this user alone, also where there was one before', async () => {
    const [mounted, target] = [path.join(folder, 'mounted'), path.join(folder, 'target')];
    await writeFile(target, 'what was there before', { mode: 0o644 });
    await writeFile(mounted, 'secret12\n');
    expect(await prepareVncSecret(mounted, target)).toMatchObject({ ok: true });
    expect(await readFile(target, 'utf8')).toBe('secret12');
    expect((await stat(target)).mode & 0o777).toBe(0o600);
  });

  it('gets a password of its own where none is mounted to an image that runs alone, and keeps that', async () => {
    const [mounted, target, own] = ['mounted', 'target', 'own'].map((name) => path.join(folder, name)) as [
      string,
      string,
      string,
    ];
    expect(await prepareVncSecret(mounted, target, own)).toEqual({ ok: true, value: own });
    const password = await readFile(own, 'utf8');
    expect(password).toMatch(/^[A-Za-z0-9]{8}$/);
    expect((await stat(own)).mode & 0o777).toBe(0o600);
    expect(await prepareVncSecret(mounted, target, own)).toEqual({ ok: true, value: own });
    expect(await readFile(target, 'utf8')).toBe(password);
    await writeFile(mounted, 'secret12');
    expect(await prepareVncSecret(mounted, target, own)).toEqual({ ok: true, value: mounted });
    expect(await readFile(target, 'utf8')).toBe('secret12');
  });

  it('is a failure, and no error, where it can not be written', async () => {
    const mounted = path.join(folder, 'mounted');
    await writeFile(mounted, 'secret12');
    const result = await prepareVncSecret(mounted, path.join(folder, 'missing', 'target'));
    expect(result).toMatchObject({ ok: false, failure: { reason: 'VNCPasswordNotWritten' } });
  });

  it('is not written when there is nothing mounted', async () => {
    const result = await prepareVncSecret(path.join(folder, 'missing'), path.join(folder, 'target'));
    expect(result).toMatchObject({ ok: false, failure: { reason: 'VNCPasswordInvalid' } });
  });
});
