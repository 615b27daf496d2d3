import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseVncPassword, prepareVncSecret } from './vnc-password.ts';

describe('a VNC password', () => {
  it.each([
    ['abcdefgh', 'abcdefgh'],
    ['abcdefgh\n', 'abcdefgh'],
    ['abc\r\n', 'abc'],
    [' a ~\n', ' a ~'],
  ])('%j is taken as %j', (mounted, password) => {
    expect(parseVncPassword(Buffer.from(mounted))).toEqual({ ok: true, value: Buffer.from(password) });
  });

  it.each([
    '',
    '\n',
    '\r\n',
    '\n\n',
    'abcdefghi',
    'abc\n\n',
    'ab\ncd',
    'abc\r',
    'ab\0cd',
    '\0',
    'pässwörd',
    'pässw',
    'ab\u007f',
  ])('%j is refused', (mounted) => {
    expect(parseVncPassword(Buffer.from(mounted))).toMatchObject({
      ok: false,
      failure: { reason: 'VNCPasswordInvalid', message: expect.stringContaining('8') },
    });
  });
});

describe('a mounted file of any bytes', () => {
  const bytes = fc.uint8Array({ maxLength: 20 }).map((array) => Buffer.from(array));
  const printable = fc.string({ unit: fc.constantFrom(...'aZ0 ~!"$%\\{}') });

  it('gives 1 to 8 printable characters, as they were mounted, or is refused without being told', () => {
    fc.assert(
      fc.property(fc.oneof(bytes, printable.map(Buffer.from)), (mounted) => {
        const parsed = parseVncPassword(mounted);
        if (parsed.ok) {
          expect(parsed.value.toString('latin1')).toMatch(/^[ -~]{1,8}$/);
          expect(mounted.toString('latin1')).toMatch(/^[ -~]{1,8}(\r?\n)?$/);
          expect(mounted.subarray(0, parsed.value.length).equals(parsed.value)).toBe(true);
        } else if (mounted.length > 3) {
          expect(parsed.failure.message).not.toContain(mounted.toString('latin1').trim() || '-');
        }
      }),
    );
  });

  it('is taken with any one line end, or with none, where it holds a password', () => {
    const password = printable.filter(({ length }) => length >= 1 && length <= 8);
    fc.assert(
      fc.property(password, fc.constantFrom('', '\n', '\r\n'), (text, end) => {
        expect(parseVncPassword(Buffer.from(text + end))).toEqual({ ok: true, value: Buffer.from(text) });
      }),
    );
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
