import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { OPERATOR_NAMESPACE } from '../../scripts/install.ts';
import { type Entry, operatorRequests } from '../e2e/support/audit-log.ts';
import { beyond, readBudget, readsIn, type Writes, withSteps, writesIn } from '../e2e/support/write-budget.ts';
import { Ground, type RunningOperator } from './support/ground.ts';

const NAMES = Array.from({ length: 20 }, (_, index) => `machine-${index}`);
/** As often as an Emulator is heard of in the log at most: three objects, a claim, two events, and two to spare. */
const LINES_EACH = 8;
/** Of so many something may be wrong on their way for over a second, on a machine that has other things to do. */
const TROUBLED = 5;

/** What docs/reference/api-writes.md allows them more: a status when it goes wrong, one when it is right, an event. */
function withTroubles(budget: Writes): Writes {
  const share = TROUBLED / NAMES.length;
  const more = (kind: string, writes: number): number => (budget[kind] ?? 0) + writes * share;
  const [status, events, all] = [more('emulators/status', 2), more('events', 1), more('all', 3)];
  return { ...budget, 'emulators/status': status, events, all };
}

describe('what the operator asks of the API server', () => {
  let ground: Ground;
  let operator: RunningOperator;
  let begin: Date;

  const requests = (from = begin): Promise<Entry[]> =>
    operatorRequests({ auditLog: ground.cluster.auditLog, operatorNamespace: OPERATOR_NAMESPACE }, from);
  /** Requests that aren't for the Lease, nor how caches follow their kinds. */
  const work = async (from: Date): Promise<Entry[]> =>
    (await requests(from)).filter(({ verb, objectRef }) => objectRef?.resource !== 'leases' && verb !== 'watch');
  const renewals = async (from: Date): Promise<number> =>
    (await requests(from)).filter(({ objectRef, verb }) => objectRef?.resource === 'leases' && verb === 'update')
      .length;

  beforeAll(async () => {
    ground = await Ground.open('check-operator');
    begin = new Date();
    operator = await ground.start({ name: 'first' });
    for (const mode of ['persistent', 'ephemeral']) await ground.createNamespace(mode);
  });
  afterAll(() => ground?.close());

  test.each(['Persistent', 'Ephemeral'])(
    'a %s Emulator costs no more writes than are written down, and no read',
    async (mode) => {
      const namespace = mode.toLowerCase();
      const from = performance.now();
      await Promise.all(NAMES.map((name) => ground.applyEmulator(namespace, name, { storage: { mode } })));
      await Promise.all(NAMES.map((name) => ground.ready(namespace, name)));
      const seconds = (performance.now() - from) / 1000;
      await expect
        .poll(async () => writesIn(namespace, await requests())['events'], { timeout: 60_000 })
        .toBeGreaterThanOrEqual(2 * NAMES.length);
      const all = await requests();
      const each = Object.fromEntries(
        Object.entries(writesIn(namespace, all)).map(([kind, count]) => [kind, count / NAMES.length]),
      );
      const budget = withTroubles(withSteps(await readBudget(mode), seconds));
      expect(beyond(budget, each), JSON.stringify(each)).toEqual({});
      expect(readsIn(namespace, all)).toEqual([]);
    },
  );

  test('its log has a line for each thing that happened, with the object’s key', async () => {
    const lines = await operator.log();
    for (const name of NAMES) {
      const own = lines.filter(({ emulator }) => emulator === `persistent/${name}`);
      expect(own.length, JSON.stringify(own)).toBeLessThanOrEqual(LINES_EACH);
      expect(own.map(({ msg }) => msg).join('\n')).toContain(`${name}-0 is ready`);
    }
    expect(lines.filter(({ level, emulator }) => emulator !== undefined && level !== 'info')).toEqual([]);
  });

  test('while nothing changes it asks for nothing but its Lease, and logs nothing', async () => {
    const from = new Date();
    const lines = (await operator.log()).length;
    await expect.poll(() => renewals(from), { timeout: 30_000 }).toBeGreaterThanOrEqual(5);
    expect(await work(from)).toEqual([]);
    expect((await operator.log()).slice(lines)).toEqual([]);
  });

  test('one that is started anew writes nothing, and tells nothing', async () => {
    operator.signal('SIGTERM');
    expect(await operator.ended).toEqual({ code: 0, signal: null });
    const from = new Date();
    operator = await ground.start({ name: 'second' });
    await expect.poll(() => renewals(from), { timeout: 30_000 }).toBeGreaterThanOrEqual(5);
    expect((await work(from)).filter(({ verb }) => !['get', 'list'].includes(verb))).toEqual([]);
    expect((await operator.log()).filter(({ emulator, level }) => emulator !== undefined || level !== 'info')).toEqual(
      [],
    );
    // It works all the same.
    await ground.applyEmulator('persistent', 'one-more', { storage: { mode: 'Persistent' } });
    await ground.ready('persistent', 'one-more');
  });
});
