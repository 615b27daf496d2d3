import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { podGracePeriodSeconds } from '../../contract/shutdown.ts';
import type { Clock } from '../environment.ts';
import { failed, success } from '../failure.ts';
import type { Qemu, QemuExit } from './qemu-process.ts';
import { quitAfterGuest, stopGuest } from './shutdown.ts';

/** Time that is over at once. */
const clock: Clock = { now: () => 0, sleep: () => new Promise((resolve) => setImmediate(resolve)) };

/** A QEMU that ends as given when it is told to quit, or only when it is killed. */
function qemuThatEnds(exit: QemuExit | 'when it is killed'): Qemu {
  const { promise: exited, resolve } = Promise.withResolvers<QemuExit>();
  return {
    pid: 1,
    exited,
    kill: () => resolve({ code: null, signal: 'SIGKILL', description: 'it was ended by SIGKILL' }),
    qmp: {
      qemuVersion: '10.0.2',
      execute: async (_command, schema) => {
        if (exit !== 'when it is killed') resolve(exit);
        return success(schema.parse({}));
      },
      humanMonitor: async () => success(''),
      onEvent: () => () => {},
      close: () => {},
    },
    serial: { write: () => {}, close: () => {} },
  };
}

const END = 'guest-shutdown';

describe('a guest that shut down by itself', () => {
  it('ended clean when QEMU then ends well', async () => {
    const qemu = qemuThatEnds({ code: 0, signal: null, description: 'it ended with code 0' });
    expect(await quitAfterGuest(qemu, clock, END)).toMatchObject({ kind: 'Clean' });
  });

  it.each<[string, QemuExit]>([
    ['code 1', { code: 1, signal: null, description: 'it ended with code 1: no space' }],
    ['SIGSEGV', { code: null, signal: 'SIGSEGV', description: 'it was ended by SIGSEGV' }],
  ])('did not end clean when QEMU then ends with %s', async (_what, exit) => {
    const ending = await quitAfterGuest(qemuThatEnds(exit), clock, END);
    expect(ending).toMatchObject({ kind: 'Unclean', message: expect.stringContaining(exit.description) });
  });

  it('did not end clean when QEMU then hangs', async () => {
    const ending = await quitAfterGuest(qemuThatEnds('when it is killed'), clock, END);
    expect(ending).toMatchObject({ kind: 'Unclean', message: expect.stringContaining('hung') });
  });
});

/** Time that goes on to the next moment somebody waits for, as soon as nobody has anything else to do. */
function virtualClock(): Clock {
  let now = 0;
  const sleepers: { readonly at: number; readonly wake: () => void; readonly signal: AbortSignal | undefined }[] = [];
  const goOn = () => {
    const awake = sleepers.filter(({ signal }) => signal?.aborted !== true).sort((left, right) => left.at - right.at);
    sleepers.splice(0, sleepers.length, ...awake);
    const next = sleepers.shift();
    if (next === undefined) return;
    now = Math.max(now, next.at);
    next.wake();
    setImmediate(goOn);
  };
  return {
    now: () => now,
    sleep: (milliseconds, signal) =>
      new Promise((resolve) => {
        sleepers.push({ at: now + milliseconds, wake: resolve, signal });
        if (sleepers.length === 1) setImmediate(goOn);
      }),
  };
}

describe('a QEMU that answers nothing any more', () => {
  it.each([5, 7, 90])('is ended in time to record it, where its guest has %i s', async (gracePeriodSeconds) => {
    const clock = virtualClock();
    const { promise: exited, resolve } = Promise.withResolvers<QemuExit>();
    const never = async (milliseconds = 10_000) => {
      await clock.sleep(milliseconds);
      return failed('QMPTimeout', 'No answer.');
    };
    const qemu: Qemu = {
      pid: 1,
      exited,
      kill: () => resolve({ code: null, signal: 'SIGKILL', description: 'it was ended by SIGKILL' }),
      qmp: {
        qemuVersion: '10.0.2',
        execute: (_command, _schema, options) => never(options?.timeoutMilliseconds),
        humanMonitor: () => never(),
        onEvent: () => () => {},
        close: () => {},
      },
      serial: { write: () => {}, close: () => {} },
    };
    const ending = await stopGuest({
      qemu,
      watch: {
        off: new Promise<string>(() => {}),
        diskError: { noSpace: false, operation: 'write' },
        isRebooting: false,
        letRun: async () => false,
      },
      gracePeriodSeconds,
      lookAtVolume: async () => {
        await clock.sleep(3000);
        return { space: undefined, disk: 'Unknown', readOnly: false, takesData: undefined };
      },
      reserve: { release: async () => {} },
      clock,
      log: pino({ level: 'silent' }),
    });
    expect(ending).toMatchObject({ kind: 'Unclean', message: expect.stringContaining('hung and was killed') });
    expect(clock.now() / 1000).toBeGreaterThanOrEqual(gracePeriodSeconds);
    expect(clock.now() / 1000).toBeLessThanOrEqual(podGracePeriodSeconds(gracePeriodSeconds) - 10);
  });
});
