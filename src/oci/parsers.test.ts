import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { planDisk } from './assemble.ts';
import { chosenOf } from './candidates.ts';
import { CHUNK_BYTES, DISK_ARTIFACT, EMPTY_CONFIG } from './disk-artifact.ts';
import { explainOras } from './explain-oras.ts';
import { ContentError } from './failure.ts';
import { type FilePlace, followLinks, type ImageFiles } from './image-files.ts';
import { cleanPath } from './layer-tar.ts';
import { type Manifest, parseManifest } from './manifest.ts';
import { OrasDebug } from './oras-debug.ts';
import { parseReference } from './reference.ts';

const digest = `sha256:${'a'.repeat(64)}`;
const someDigest = fc.stringMatching(/^[0-9a-f]{64}$/).map((hex) => `sha256:${hex}`);

describe('a reference', () => {
  test('of any text is refused or is what was written', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[a-z.:/@-]{0,40}$/)), (text) => {
        const parsed = parseReference(text);
        if (!parsed.ok) return parsed.failure.reason === 'SnapshotReferenceInvalid';
        const { registry, repository, tag, digest: pinned } = parsed.value;
        const again = `${registry}/${repository}${tag === undefined ? '' : `:${tag}`}${pinned === undefined ? '' : `@${pinned}`}`;
        return again === text && !text.startsWith('-');
      }),
    );
  });

  test('that is a sound one is always taken', () => {
    const part = fc.stringMatching(/^[a-z0-9]{1,8}(?:[._-][a-z0-9]{1,4})?$/);
    const names = fc.record({
      host: fc.stringMatching(/^[a-z0-9]{1,8}(?:[.-][a-z0-9]{1,4})?$/),
      port: fc.integer({ min: 1, max: 65_535 }),
      path: fc.array(part, { minLength: 1, maxLength: 3 }),
    });
    fc.assert(
      fc.property(names, fc.stringMatching(/^\w[\w.-]{0,20}$/), ({ host, port, path }, tag) => {
        expect(parseReference(`${host}:${port}/${path.join('/')}:${tag}`)).toMatchObject({ ok: true, value: { tag } });
      }),
    );
  });
});

describe('a manifest', () => {
  test('of any text or JSON never throws, and never passes when it makes no sense', () => {
    const shape = fc.record(
      {
        schemaVersion: fc.oneof(fc.constant(2), fc.jsonValue()),
        artifactType: fc.oneof(fc.constant(DISK_ARTIFACT.artifactType), fc.jsonValue()),
        config: fc.oneof(fc.constant(EMPTY_CONFIG), fc.jsonValue()),
        layers: fc.oneof(fc.array(fc.jsonValue()), fc.jsonValue()),
        manifests: fc.jsonValue(),
        annotations: fc.jsonValue(),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.json(),
          shape.map((value) => JSON.stringify(value)),
        ),
        (text) => {
          const parsed = parseManifest(text);
          if (!parsed.ok) return parsed.failure.reason === 'SnapshotInvalid' && parsed.failure.message.length < 500;
          if (parsed.value.kind === 'Manifest') planDisk('/layout', parsed.value.manifest, undefined);
          return true;
        },
      ),
    );
  });

  test.each([
    ['with 10,001 layers', { layers: Array.from({ length: 10_001 }, () => ({ mediaType: 'x', digest, size: 1 })) }],
    ['with a size below zero', { layers: [{ mediaType: 'x', digest, size: -1 }] }],
    ['with a size that no number holds', { layers: [{ mediaType: 'x', digest, size: 2 ** 60 }] }],
    [
      'with a digest that would be a path',
      { layers: [{ mediaType: 'x', digest: 'sha256:../../etc/passwd', size: 1 }] },
    ],
    ['with another digest algorithm', { layers: [{ mediaType: 'x', digest: `sha512:${'a'.repeat(128)}`, size: 1 }] }],
    ['of the first version', { schemaVersion: 1, layers: [] }],
    [
      'that is an index of 1,001',
      {
        config: undefined,
        layers: undefined,
        manifests: Array.from({ length: 1001 }, () => ({ mediaType: 'x', digest, size: 1 })),
      },
    ],
  ])('%s is refused', (_name, change) => {
    const parsed = parseManifest(JSON.stringify({ schemaVersion: 2, config: EMPTY_CONFIG, ...change }));
    expect(parsed).toMatchObject({ ok: false, failure: { reason: 'SnapshotInvalid' } });
  });
});

describe('our own artifact', () => {
  const names = DISK_ARTIFACT.annotations;
  const sound = { [names.virtualSize]: `${3 * CHUNK_BYTES}`, [names.contentSha256]: 'b'.repeat(64) };
  const chunk = (number: string, size = 1000) => ({
    mediaType: DISK_ARTIFACT.chunkType,
    digest,
    size,
    annotations: { [names.chunk]: number },
  });
  const artifact = (annotations: Record<string, string>, layers: Manifest['layers']): Manifest => ({
    schemaVersion: 2,
    artifactType: DISK_ARTIFACT.artifactType,
    config: EMPTY_CONFIG,
    layers,
    annotations,
  });

  test.each([
    ['no annotations', {}, []],
    ...['0', '-1', 'NaN', '1e30', '0x10', '999999999999999999999', '1.5', `${127 * 1024 ** 3 + 1}`].map(
      (size) => [`a disk of ${size} bytes`, { ...sound, [names.virtualSize]: size }, []] as const,
    ),
    ['a hash that is none', { ...sound, [names.contentSha256]: 'B'.repeat(64) }, []],
    ['a chunk beyond the end', sound, [chunk('3')]],
    ['a chunk below zero', sound, [chunk('-1')]],
    ['a chunk with a fraction', sound, [chunk('0.5')]],
    ['a chunk without a number', sound, [{ ...chunk('0'), annotations: {} }]],
    ['the same chunk twice', sound, [chunk('1'), chunk('1')]],
    ['a chunk that is too large', sound, [chunk('0', 64 * 1024 ** 2)]],
    ['a layer of another kind', sound, [{ ...chunk('0'), mediaType: 'text/plain' }]],
  ] as const)('with %s is refused before anything is fetched', (_name, annotations, layers) => {
    expect(planDisk('/layout', artifact(annotations, [...layers]), undefined)).toMatchObject({
      ok: false,
      failure: { reason: 'SnapshotInvalid', message: expect.stringContaining('Push it again') },
    });
  });

  test('tells how large the file will be, from its manifest alone', () => {
    const planned = planDisk('/layout', artifact(sound, [chunk('0'), chunk('2')]), undefined);
    expect(planned).toMatchObject({ ok: true, value: { kind: 'Content', content: { virtualBytes: 3 * CHUNK_BYTES } } });
    if (!planned.ok || planned.value.kind !== 'Content') return;
    expect(planned.value.content.sizeBytes).toBeGreaterThanOrEqual(2 * CHUNK_BYTES);
    expect(planned.value.content.sizeBytes).toBeLessThan(2 * CHUNK_BYTES + 1024 ** 2);
  });
});

describe('paths', () => {
  test('of an archive are absolute and clean, or refused', () => {
    const part = fc.oneof(
      fc.constantFrom('..', '.', '', 'a', '.wh.x', '...', '.. ', '\0'),
      fc.string({ maxLength: 5 }),
    );
    fc.assert(
      fc.property(fc.array(part, { maxLength: 8 }), (parts) => {
        const name = parts.join('/');
        try {
          const clean = cleanPath(name);
          return clean.startsWith('/') && !clean.includes('//') && !clean.split('/').includes('..');
        } catch (error) {
          return error instanceof ContentError && (name.split('/').includes('..') || name.includes('\0'));
        }
      }),
    );
  });

  test('of links end at a file of the image or nowhere, however the links are knotted', () => {
    const name = fc.constantFrom('/a', '/b', '/c', '/a/b', '/a/c', '/b/a', '/disk/x.qcow2');
    const target = fc.array(fc.constantFrom('..', '.', 'a', 'b', 'c', '', 'disk', 'x.qcow2'), { maxLength: 6 });
    const entry = fc.tuple(
      name,
      fc.option(
        target.map((parts) => parts.join('/')),
        { nil: undefined },
      ),
    );
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 8 }), name, (entries, wanted) => {
        const files: ImageFiles = new Map(entries.map(([path, to]) => [path, placeOf(to)]));
        const found = followLinks(files, wanted);
        return found === undefined || files.get(found)?.kind === 'File';
      }),
    );
  });

  function placeOf(target: string | undefined): FilePlace {
    const layer = { mediaType: '', digest, size: 0 };
    return { layer, index: 0, kind: target === undefined ? 'File' : 'Symlink', sizeBytes: 0, target };
  }

  test('of candidates: one that exists, or the reason', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.string({ maxLength: 20 })),
        fc.option(fc.string(), { nil: undefined }),
        (names, wanted) => {
          const absolute = names.map((name) => `/${name}`);
          const chosen = chosenOf(absolute, wanted, (name) => name.length % 2 === 0);
          return chosen.ok ? absolute.includes(chosen.value) : chosen.failure.message.length > 0;
        },
      ),
    );
  });
});

describe('what oras says', () => {
  const run = { ok: false, stdout: '', timedOut: false };
  const place = { registry: 'r:5000', reference: 'r:5000/a/b:c' };

  test('is always explained, whatever it is', () => {
    fc.assert(
      fc.property(fc.string(), fc.option(fc.integer({ min: 100, max: 599 }), { nil: undefined }), (stderr, status) => {
        const { reason, message } = explainOras({ ...run, stderr, status }, place);
        return /^[A-Z]/.test(reason) && message.length > 10 && message.length < 1000;
      }),
    );
  });

  test('never brings a password along', () => {
    const secret = fc.stringMatching(/^[A-Za-z0-9+/]{8,30}$/).map((text) => `5ecret${text}`);
    const around = fc.constantFrom(
      (s: string) => `Error: Get "https://user:${s}@r:5000/v2/": something`,
      (s: string) => `Error: something with https://user:${s}@r:5000/v2/ went wrong`,
      (s: string) => `Error response from registry: Authorization: Basic ${s}`,
      (s: string) => `Error: refused: Bearer ${s}`,
      (s: string) => `Error: {"password":"${s}"}`,
      (s: string) => `Error: token=${s}`,
      (s: string) => `Error: at https://storage/x?X-Signature=${s}&y=1: 500`,
    );
    const status = fc.constantFrom(undefined, 401, 403, 404, 418, 429, 500);
    fc.assert(
      fc.property(secret, around, status, (password, write, code) => {
        const { message } = explainOras({ ...run, stderr: write(password), status: code }, place);
        expect(message).not.toContain(password);
      }),
    );
  });

  test('among the lines of its debug output is told from these, which are dropped', () => {
    const debug = new OrasDebug();
    const said = `[2026-11-21T12:23:34.6Z][DEBUG]: <-- Response #0
< Response Status: "429 Too Many Requests"
< Response headers:
   "Set-Cookie": "*****"
   "Retry-After": "30"
< Response body:
{"secret":"x"}


Error response from registry: toomanyrequests: slow down`;
    expect(said.split('\n').filter((line) => debug.isMessage(line))).toEqual([
      'Error response from registry: toomanyrequests: slow down',
    ]);
    expect(debug.last).toEqual({ status: 429, retryAfterSeconds: 30 });
  });

  test.each([
    ['a day', '86400', 3600],
    ['a date far away', new Date(Date.now() + 10 * 3_600_000).toUTCString(), 3600],
    ['a date in the past', 'Wed, 21 Oct 2015 07:28:00 GMT', 0],
    ['nonsense', 'soon', undefined],
  ])('a pause of %s is kept in bounds', (_name, header, seconds) => {
    const debug = new OrasDebug();
    for (const line of [
      '[x][DEBUG]: <-- Response #0',
      '< Response Status: "503 Busy"',
      `   "Retry-After": "${header}"`,
    ]) {
      debug.isMessage(line);
    }
    const { retryAfterSeconds } = debug.last;
    expect(retryAfterSeconds).toBe(seconds);
  });
});

test('any digest is a name that stays in its folder', () => {
  fc.assert(
    fc.property(someDigest, (one) => {
      const text = JSON.stringify({ schemaVersion: 2, config: { mediaType: 'x', digest: one, size: 1 }, layers: [] });
      return parseManifest(text).ok;
    }),
  );
});
