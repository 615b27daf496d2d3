import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sha256Of } from '../agent/disk-workbench.ts';
import { TestRegistry } from './registry.ts';
import { makeChunkyDisk, SnapshotAttempts } from './snapshot-workbench.ts';
import { type Toxic, Toxiproxy } from './toxiproxy.ts';

let registry: TestRegistry;
let network: Toxiproxy;
let digest: string;
let expected: string;
const PARTS = 5;

beforeAll(async () => {
  registry = await TestRegistry.start();
  network = await Toxiproxy.start();
  await makeChunkyDisk(registry.file('win98.qcow2'), PARTS);
  digest = await registry.publish('network/chunks:v1', registry.file('win98.qcow2'));
  const { sha256 } = await over(registry.tls, registry.file('right.json'), 1);
  expected = sha256;
});

afterAll(async () => {
  await network[Symbol.asyncDispose]();
  await registry[Symbol.asyncDispose]();
});

async function over(host: string, login: string, most: number, heal: () => Promise<void> = async () => undefined) {
  const snapshot = { reference: `${host}/network/chunks:v1`, digest, plainHTTP: false };
  // The start of oras counts towards it.
  const patience = { timeoutMilliseconds: 15_000, stallMilliseconds: 15_000 };
  await using attempts = await SnapshotAttempts.create(registry, snapshot, login, patience);
  const first = await attempts.once();
  await heal();
  const { path, reasons } = await attempts.untilStaged(most);
  const failure = first.kind === 'Staged' ? undefined : first.failure;
  return { failure, reasons, sha256: await sha256Of(path), logged: attempts.logged };
}

const LINES: readonly (readonly [name: string, toxic: Toxic | 'down'])[] = [
  ['that is reset at once', { type: 'reset_peer', attributes: { timeout: 0 } }],
  ['that ends after the first 200 bytes', { type: 'limit_data', attributes: { bytes: 200 } }],
  ['that ends within the content', { type: 'limit_data', attributes: { bytes: 180_000 } }],
  ['that takes everything and answers nothing', { type: 'timeout', attributes: { timeout: 0 } }],
  ['where nobody listens', 'down'],
];

describe.concurrent('over a TLS line', () => {
  test.each(LINES)('%s, the reason is told, and it goes on when the line is good', async (name, toxic) => {
    const id = name.replaceAll(/\W+/g, '-');
    const host = await network.inFrontOf(registry.tls, id, toxic);
    const login = await registry.loginFor(host);
    const { failure, reasons, sha256, logged } = await over(host, login, 1, () => network.heal(id));
    expect(['RegistryUnreachable', 'SnapshotDigestMismatch']).toContain(failure?.reason);
    expect(failure?.message).toContain(host);
    expect(reasons).toEqual([]);
    expect(sha256).toBe(expected);
    // All of it once, and at most what was on its way a second time.
    const fetched = logged.reduce((sum, line) => sum + Number(line['fetched'] ?? 0), 0);
    const { totalBytes = 0 } = logged.at(-1) as { totalBytes?: number };
    expect(fetched).toBeLessThan(totalBytes * (1 + 3 / PARTS) + 10_000);
  });

  test.each([
    ['with 300 ms of latency', { type: 'latency', attributes: { latency: 300, jitter: 100 } }],
    ['of 500 KB a second', { type: 'bandwidth', attributes: { rate: 500 } }],
    [
      'that cuts everything into small packets',
      { type: 'slicer', attributes: { average_size: 900, size_variation: 300, delay: 20 } },
    ],
  ] as const)('%s the disk comes at the first attempt', async (name, toxic) => {
    const id = name.replaceAll(/\W+/g, '-');
    const host = await network.inFrontOf(registry.tls, id, toxic);
    const { failure, sha256 } = await over(host, await registry.loginFor(host), 1);
    expect(failure).toBeUndefined();
    expect(sha256).toBe(expected);
  });
});
