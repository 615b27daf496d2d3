import { defineConfig } from 'vitest/config';

const minutes = (count: number) => count * 60_000;

/** One project a suite; `scripts/test.ts` runs them in order and adds up what they count. */
export default defineConfig({
  test: {
    // What is waited for takes more than vitest's second where a machine has other things to do.
    expect: { poll: { timeout: 10_000 } },
    projects: [
      {
        test: {
          name: 'unit',
          include: ['src/**/*.test.ts', 'scripts/**/*.test.ts', 'chaos/**/*.test.ts', 'bench/**/*.test.ts'],
          testTimeout: 20_000,
        },
      },
      {
        test: {
          name: 'chart',
          include: ['test/chart/**/*.test.ts', 'test/policies/**/*.test.ts'],
          testTimeout: 30_000,
          hookTimeout: minutes(5),
        },
      },
      {
        test: {
          name: 'guest',
          include: ['test/guest/**/*.test.ts'],
          testTimeout: minutes(3),
          hookTimeout: minutes(10),
        },
      },
      { test: { name: 'oci', include: ['test/oci/**/*.test.ts'], testTimeout: minutes(2), hookTimeout: minutes(5) } },
      {
        test: {
          name: 'agent',
          include: ['test/agent/**/*.test.ts'],
          testTimeout: minutes(3),
          hookTimeout: minutes(10),
        },
      },
      {
        test: {
          name: 'cluster',
          include: ['test/cluster/**/*.test.ts'],
          testTimeout: minutes(5),
          hookTimeout: minutes(5),
          fileParallelism: false,
        },
      },
      // Makes a kind cluster with an engine of its own, which takes minutes: not part of `npm test`.
      {
        test: { name: 'kind', include: ['test/kind/**/*.test.ts'], testTimeout: minutes(10), hookTimeout: minutes(30) },
      },
      // The runtime against a real API server and its etcd; each file has its own.
      {
        test: {
          name: 'kube',
          include: ['test/kube/**/*.test.ts'],
          testTimeout: minutes(3),
          hookTimeout: minutes(5),
          fileParallelism: false,
        },
      },
      // The operator as it stands in its image, on a simulated cluster.
      {
        test: {
          name: 'operator',
          include: ['test/operator/**/*.test.ts'],
          testTimeout: minutes(6),
          hookTimeout: minutes(6),
          fileParallelism: false,
        },
      },
      {
        test: { name: 'chaos', include: ['test/chaos/**/*.test.ts'], testTimeout: minutes(1), hookTimeout: minutes(8) },
      },
      { test: { name: 'api', include: ['test/api/**/*.test.ts'], testTimeout: minutes(2), hookTimeout: minutes(2) } },
      // Longer than all that a test waits for one after the other: what it waits for in vain explains itself.
      { test: { name: 'e2e', include: ['test/e2e/*.test.ts'], testTimeout: minutes(15), hookTimeout: minutes(15) } },
      // What disturbs the whole cluster, or must not be disturbed by others.
      {
        test: {
          name: 'e2e-alone',
          include: ['test/e2e/alone/*.test.ts'],
          testTimeout: minutes(15),
          hookTimeout: minutes(15),
          fileParallelism: false,
        },
      },
      // What looks back on the whole run.
      {
        test: {
          name: 'e2e-last',
          include: ['test/e2e/last/*.test.ts'],
          testTimeout: minutes(15),
          hookTimeout: minutes(15),
        },
      },
    ],
  },
});
