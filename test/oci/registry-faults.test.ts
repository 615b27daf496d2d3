import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { RegistryPatience } from '../../src/agent/prepare/sources/snapshot.ts';
import { sha256Of } from '../agent/disk-workbench.ts';
import { type Fault, FaultyRegistry, type Rule } from './faulty-registry.ts';
import { TestRegistry } from './registry.ts';
import { makeChunkyDisk, SnapshotAttempts } from './snapshot-workbench.ts';

let registry: TestRegistry;
let proxy: FaultyRegistry;
let login: string;
let disk: string;
/** What must come out, by shape. */
let expected: Readonly<Record<Shape, string>>;
let counter = 0;

type Shape = 'chunks' | 'one file';

/** Bytes that may be fetched a second time. */
type Again = 'nothing' | 'what was cut' | 'what was on its way' | 'the part' | 'the part, or what was on its way';

interface Case {
  readonly name: string;
  readonly rules: readonly Rule[];
  /** Each attempt's reason before the one that brings the disk. */
  readonly reasons: readonly string[];
  readonly says?: string;
  readonly again: Again;
  readonly tokenUses?: number;
  readonly patience?: RegistryPatience;
  readonly shapes?: readonly Shape[];
}

const once = (on: Rule['on'], fault: Fault): readonly Rule[] => [{ on, times: 1, fault }];
/** As often as oras asks before it gives up. */
const six = (on: Rule['on'], fault: Fault): readonly Rule[] => [{ on, times: 6, fault }];
const status = (code: number, headers = {}): Fault => ({ kind: 'Status', status: code, headers });

const CASES: readonly Case[] = [
  { name: 'no fault', rules: [], reasons: [], again: 'nothing' },
  {
    name: 'a part that is cut at every 10 %, with the connection',
    rules: [],
    reasons: ['SnapshotDigestMismatch'],
    again: 'what was cut',
  },
  {
    name: 'a part that is reset in its middle',
    rules: once('blob', { kind: 'Cut', percent: 50, reset: true }),
    reasons: ['RegistryUnreachable'],
    says: 'connection reset',
    again: 'what was on its way',
  },
  {
    name: 'a part with a flipped bit',
    rules: once('blob', { kind: 'Flip' }),
    reasons: ['SnapshotDigestMismatch'],
    again: 'the part, or what was on its way',
  },
  {
    name: 'a part that is too short, with a length that says so',
    rules: once('blob', { kind: 'Length', change: -5000 }),
    reasons: ['SnapshotDigestMismatch'],
    again: 'the part, or what was on its way',
  },
  {
    name: 'a part that is too long',
    rules: once('blob', { kind: 'Length', change: 5000 }),
    reasons: ['SnapshotDigestMismatch'],
    again: 'the part, or what was on its way',
  },
  {
    name: 'a manifest with a flipped bit',
    rules: once('manifest', { kind: 'Flip' }),
    reasons: ['SnapshotDigestMismatch'],
    again: 'nothing',
  },
  {
    name: 'a manifest that is cut',
    rules: once('manifest', { kind: 'Cut', percent: 50 }),
    reasons: ['SnapshotDigestMismatch'],
    again: 'nothing',
  },
  {
    name: '401 for the manifest',
    rules: once('manifest', status(401)),
    reasons: ['RegistryAuthFailed'],
    says: 'refuses the login',
    again: 'nothing',
  },
  {
    name: '401 for a part',
    rules: once('blob', status(401)),
    reasons: ['RegistryAuthFailed'],
    says: 'pullSecretRef',
    again: 'what was on its way',
  },
  {
    name: '403 for the manifest',
    rules: once('manifest', status(403)),
    reasons: ['RegistryAccessDenied'],
    says: 'forbids pulling',
    again: 'nothing',
  },
  {
    name: '404 for the manifest',
    rules: once('manifest', status(404)),
    reasons: ['SnapshotNotFound'],
    says: 'Correct the repository or tag',
    again: 'nothing',
  },
  {
    name: '404 for a part',
    rules: once('blob', status(404)),
    reasons: ['SnapshotNotFound'],
    says: 'has lost a part',
    again: 'what was on its way',
  },
  {
    name: '429 with Retry-After',
    rules: six('manifest', status(429, { 'Retry-After': '1' })),
    reasons: ['RegistryThrottled'],
    says: 'a pause of 1 s',
    again: 'nothing',
  },
  { name: '500 once', rules: once('blob', status(500)), reasons: [], again: 'nothing' },
  {
    name: '500 again and again',
    rules: six('manifest', status(500)),
    reasons: ['RegistryFailed'],
    says: 'HTTP status 500',
    again: 'nothing',
  },
  {
    name: 'no answer for the manifest',
    rules: once('manifest', { kind: 'Hang' }),
    reasons: ['RegistryUnreachable'],
    says: "didn't answer in time",
    again: 'nothing',
    patience: { timeoutMilliseconds: 10_000 },
  },
  {
    name: 'no answer for a part',
    rules: once('blob', { kind: 'Hang' }),
    reasons: ['RegistryUnreachable'],
    says: "didn't answer in time",
    again: 'what was on its way',
    patience: { stallMilliseconds: 6000 },
  },
  {
    name: 'a part at less than 1 KiB a second',
    rules: [{ on: 'blob', times: 1, fault: { kind: 'Slow', bytes: 100 } }],
    reasons: ['RegistryUnreachable'],
    says: "didn't answer in time",
    again: 'what was on its way',
    patience: { stallMilliseconds: 6000 },
    shapes: ['chunks'],
  },
  {
    name: 'a slow line',
    rules: [{ on: 'blob', fault: { kind: 'Slow', bytes: 50_000 } }],
    reasons: [],
    again: 'nothing',
    patience: { stallMilliseconds: 5000 },
    shapes: ['chunks'],
  },
  {
    name: 'a redirect to the storage',
    rules: [{ on: 'blob', fault: { kind: 'Redirect', expired: false } }],
    reasons: [],
    again: 'nothing',
  },
  {
    name: 'a redirect that has expired',
    rules: once('blob', { kind: 'Redirect', expired: true }),
    reasons: ['RegistryAccessDenied'],
    says: 'has expired on the way',
    again: 'what was on its way',
  },
  { name: 'a token that expires midway', rules: [], tokenUses: 4, reasons: [], again: 'nothing' },
  {
    name: 'a token service that refuses',
    rules: once('token', status(401)),
    tokenUses: 100,
    reasons: ['RegistryAuthFailed'],
    says: 'refuses the login',
    again: 'nothing',
  },
];

beforeAll(async () => {
  registry = await TestRegistry.start();
  proxy = await FaultyRegistry.start(registry);
  login = await registry.loginFor(proxy.host);
  disk = registry.file('win98.qcow2');
  await makeChunkyDisk(disk, 5);
  await registry.publish('faults/chunks:v1', disk);
  await registry.pushFile('faults/file:v1', disk);
  const { sha256 } = await attempted('chunks', [], {});
  expected = { chunks: sha256, 'one file': await sha256Of(disk) };
});

afterAll(async () => {
  await proxy[Symbol.asyncDispose]();
  await registry[Symbol.asyncDispose]();
});

/** Tries until the disk is there, at most four times. */
async function attempted(
  shape: Shape,
  rules: readonly Rule[],
  { tokenUses, patience }: Pick<Case, 'tokenUses' | 'patience'>,
) {
  counter += 1;
  const repository = `spoiled/r${counter}`;
  const upstream = shape === 'chunks' ? 'faults/chunks' : 'faults/file';
  const digest = await registry.digest(`${upstream}:v1`);
  const { layers } = await registry.manifest(`${upstream}:v1`);
  // What happens once happens to the same part each time.
  const aimed = rules.map((rule) =>
    rule.on === 'blob' && rule.times === 1 ? { ...rule, digest: layers[0]?.digest ?? '' } : rule,
  );
  proxy.spoil(repository, upstream, aimed, tokenUses);
  const snapshot = { reference: `${proxy.host}/${repository}:v1`, digest, plainHTTP: true };
  await using attempts = await SnapshotAttempts.create(registry, snapshot, login, patience);
  const failures: { reason: string; message: string }[] = [];
  for (let attempt = 0; attempt < 4; attempt += 1) {
    const requests = proxy.requests(repository);
    const result = await attempts.once();
    if (result.kind === 'Staged') {
      const total = layers.reduce((sum, { size }) => sum + size, 0);
      // The empty config, of two bytes, is in every snapshot.
      const again = proxy.blobBytes(repository) - total - 2;
      return { sha256: await sha256Of(result.disk.path), failures, again, layers };
    }
    failures.push(result.failure);
    expect(proxy.requests(repository)).toBeGreaterThan(requests);
    if (result.failure.reason === 'RegistryThrottled') await expectPause(attempts, repository, 1000);
  }
  throw new Error(`no disk: ${failures.map(({ message }) => message).join('\n')}`);
}

/** A registry that wants to be left alone is left alone until then, and not longer. */
async function expectPause(attempts: SnapshotAttempts, repository: string, milliseconds: number): Promise<void> {
  const before = proxy.requests(repository);
  attempts.now += milliseconds - 1;
  expect((await attempts.once()).kind).toBe('Failed');
  expect(proxy.requests(repository)).toBe(before);
  attempts.now += 1;
}

/** oras fetches so many parts at once, and drops the others when one fails. */
const AT_ONCE = 3;
/** What lies in the sockets' buffers when a connection ends counts as sent. */
const SLACK = 8000;

function expectAgain(again: number, of: Again, layer: number, shape: Shape): void {
  const onTheirWay = shape === 'one file' ? layer : AT_ONCE * layer;
  const most: Record<Again, number> = {
    nothing: 0,
    'what was cut': onTheirWay,
    'what was on its way': onTheirWay,
    'the part': layer,
    'the part, or what was on its way': onTheirWay,
  };
  expect(again).toBeGreaterThanOrEqual(of === 'nothing' ? 0 : -2);
  expect(again).toBeLessThanOrEqual(most[of] + (of === 'nothing' ? 0 : SLACK));
}

describe.concurrent.each(CASES.filter(({ again }) => again !== 'what was cut'))('$name', (each) => {
  test.each(each.shapes ?? (['chunks', 'one file'] as const))('in a snapshot of %s', async (shape) => {
    const { sha256, failures, again, layers } = await attempted(shape, each.rules, each);
    expect(failures.map(({ reason }) => reason)).toEqual(each.reasons);
    expect(failures.at(-1)?.message ?? '').toContain(each.says ?? '');
    for (const { message } of failures) {
      expect(message).not.toMatch(/horse|staging|Basic|Bearer/);
      expect(message.length).toBeLessThan(600);
    }
    expect(sha256).toBe(expected[shape]);
    expectAgain(again, each.again, layers[0]?.size ?? 0, shape);
  });
});

describe.concurrent('a part that is cut, with the connection', () => {
  const percents = [0, 10, 20, 30, 40, 50, 60, 70, 80, 90];

  test.each(percents)('at %i %% in a snapshot of chunks costs what was on its way', async (percent) => {
    const cut = await attempted('chunks', once('blob', { kind: 'Cut', percent }), {});
    expect(cut.failures.map(({ reason }) => reason)).toEqual(['SnapshotDigestMismatch']);
    expect(cut.sha256).toBe(expected.chunks);
    expectAgain(cut.again, 'what was cut', cut.layers[0]?.size ?? 0, 'chunks');
  });

  test.each(percents)('at %i %% in a snapshot of one file costs so much again', async (percent) => {
    const cut = await attempted('one file', once('blob', { kind: 'Cut', percent }), {});
    const size = cut.layers[0]?.size ?? 0;
    expect(cut.failures.map(({ reason }) => reason)).toEqual(['SnapshotDigestMismatch']);
    expect(cut.sha256).toBe(expected['one file']);
    expect(cut.again).toBeGreaterThanOrEqual(Math.floor((size * percent) / 100) - 2);
    expect(cut.again).toBeLessThanOrEqual(Math.floor((size * percent) / 100) + 2);
  });
});

test('the documentation has a row for each of these faults', async () => {
  const text = (await readFile(new URL('../../docs/snapshots.md', import.meta.url), 'utf8')).replaceAll(/ +/g, ' ');
  for (const { name, reasons, again } of CASES) {
    const outcome = reasons.length === 0 ? 'the disk, at once' : `\`${reasons.join('`, `')}\`, then the disk`;
    expect(text).toContain(`| ${name} | ${outcome} | ${again} |`);
  }
});

describe('a snapshot that was fetched and is no disk', () => {
  async function fetchedOnce() {
    counter += 1;
    const repository = `spoiled/r${counter}`;
    proxy.spoil(repository, 'faults/file', []);
    const digest = await registry.digest('faults/file:v1');
    const snapshot = { reference: `${proxy.host}/${repository}:v1`, digest, plainHTTP: true };
    const attempts = await SnapshotAttempts.create(registry, snapshot, login);
    const staged = await attempts.once();
    return { attempts, staged, snapshot, fetched: () => proxy.blobBytes(repository) };
  }

  test('is not fetched again, as long as it is the one that is named', async () => {
    const { attempts, staged, snapshot, fetched } = await fetchedOnce();
    await using _end = attempts;
    await attempts.refuse(staged, 'DiskNotQcow2');
    const before = fetched();
    expect(await attempts.once()).toMatchObject({ kind: 'Broken', failure: { reason: 'DiskNotQcow2' } });
    expect(fetched()).toBe(before);
    await attempts.bench.plan({ mode: 'Hybrid', source: 'Snapshot', snapshot: { ...snapshot, path: '/other.qcow2' } });
    expect(await attempts.once()).toMatchObject({ kind: 'Broken', failure: { reason: 'NoDiskInSnapshot' } });
  });

  test('is not fetched again either when it is another one than it tells of', async () => {
    counter += 1;
    const repository = `spoiled/r${counter}`;
    const { layers, ...manifest } = await registry.manifest('faults/chunks:v1');
    const digest = await registry.pushManifest('faults/chunks:other', { ...manifest, layers: layers.slice(1) });
    proxy.spoil(repository, 'faults/chunks', []);
    const snapshot = { reference: `${proxy.host}/${repository}:v1`, digest, plainHTTP: true };
    await using attempts = await SnapshotAttempts.create(registry, snapshot, login);
    const result = { kind: 'Broken', failure: { reason: 'SnapshotDigestMismatch' } };
    expect(await attempts.once()).toMatchObject(result);
    const before = proxy.requests(repository);
    expect(await attempts.once()).toMatchObject(result);
    expect(proxy.requests(repository)).toBe(before);
  });

  test('is fetched again when it could not be checked', async () => {
    const { attempts, staged, fetched } = await fetchedOnce();
    await using _end = attempts;
    await attempts.refuse(staged, 'DiskCheckFailed');
    const before = fetched();
    expect(await attempts.once()).toMatchObject({ kind: 'Staged' });
    expect(fetched()).toBeGreaterThan(before);
  });

  test('is fetched again for a volume that is not too small for it', async () => {
    const { attempts, staged, snapshot, fetched } = await fetchedOnce();
    await using _end = attempts;
    await attempts.refuse(staged, 'VolumeTooSmall');
    const before = fetched();
    expect(await attempts.once()).toMatchObject({ kind: 'Failed', failure: { reason: 'VolumeTooSmall' } });
    expect(fetched()).toBe(before);
    const volumeLimitBytes = 1024 ** 4;
    await attempts.bench.plan({ mode: 'Ephemeral', source: 'Snapshot', snapshot, volumeLimitBytes });
    expect(await attempts.once()).toMatchObject({ kind: 'Staged' });
  });
});
