import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { podGracePeriodSeconds } from '../../contract/shutdown.ts';
import type { Clock } from '../environment.ts';
import { failed, success } from '../failure.ts';
import type { DiskError } from './probes.ts';
import type { Qemu, QemuExit } from './qemu-process.ts';
import { quitAfterGuest, type StopOptions, stopGuest } from './shutdown.ts';

/** Time that is over at once. */
const clock: Clock = { now: () => 0, elapsed: () => 0, sleep: () => new Promise((resolve) => setImmediate(resolve)) };

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
  let wall = 0;
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
    // Somebody sets it forward by an hour with each question.
    now: () => (wall += 3_600_000),
    elapsed: () => now,
    sleep: (milliseconds, signal) =>
      new Promise((resolve) => {
        sleepers.push({ at: now + milliseconds, wake: resolve, signal });
        if (sleepers.length === 1) setImmediate(goOn);
      }),
  };
}

function stopOptions({
  qemu,
  clock,
  gracePeriodSeconds,
  diskError,
  off = new Promise<string>(() => {}),
}: Pick<StopOptions, 'qemu' | 'clock' | 'gracePeriodSeconds'> & {
  readonly diskError?: DiskError;
  readonly off?: Promise<string>;
}): StopOptions {
  return {
    qemu,
    watch: { off, diskError, isHeld: false, isRebooting: false, letRun: async () => false },
    gracePeriodSeconds,
    lookAtVolume: async () => {
      await clock.sleep(3000);
      return { space: undefined, disk: 'Unknown', readOnly: false, takesData: undefined };
    },
    reserve: { release: async () => {} },
    clock,
    log: pino({ level: 'silent' }),
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
    const ending = await stopGuest(
      stopOptions({ qemu, clock, gracePeriodSeconds, diskError: { noSpace: false, operation: 'write' } }),
    );
    expect(ending).toMatchObject({ kind: 'Unclean', message: expect.stringContaining('hung and was killed') });
    expect(clock.elapsed() / 1000).toBeGreaterThanOrEqual(gracePeriodSeconds);
    expect(clock.elapsed() / 1000).toBeLessThanOrEqual(podGracePeriodSeconds(gracePeriodSeconds) - 10);
  });
});

/** A QEMU with these answers, an undefined one for none; it ends when it is told to quit. */
function qemuThatAnswers(clock: Clock, answer: (command: string) => object | undefined) {
  const { promise: exited, resolve } = Promise.withResolvers<QemuExit>();
  const asked: string[] = [];
  const qemu: Qemu = {
    pid: 1,
    exited,
    kill: () => resolve({ code: null, signal: 'SIGKILL', description: 'it was ended by SIGKILL' }),
    qmp: {
      qemuVersion: '10.0.2',
      execute: async (command, schema, options) => {
        asked.push(command);
        if (command === 'quit') resolve({ code: 0, signal: null, description: 'it ended with code 0' });
        const given = answer(command);
        if (given !== undefined) return success(schema.parse(given));
        await clock.sleep(options?.timeoutMilliseconds ?? 10_000);
        return failed('QMPTimeout', 'No answer.');
      },
      humanMonitor: async () => success(''),
      onEvent: () => () => {},
      close: () => {},
    },
    serial: { write: () => {}, close: () => {} },
  };
  return { qemu, asked };
}

describe('a guest that is asked to shut down', () => {
  it('is not made to run when it never has, although QEMU says so late', async () => {
    const clock = virtualClock();
    let looks = 0;
    const { qemu, asked } = qemuThatAnswers(clock, (command) => {
      looks += command === 'query-status' ? 1 : 0;
      return looks > 1 ? { status: 'prelaunch' } : undefined;
    });
    expect(await stopGuest(stopOptions({ qemu, clock, gracePeriodSeconds: 90 }))).toMatchObject({ kind: 'NeverRan' });
    expect(asked).not.toContain('cont');
    expect(asked).not.toContain('system_powerdown');
  });

  it('ends clean when it is off while the last that QEMU holds is written out', async () => {
    const clock = virtualClock();
    const off = Promise.withResolvers<string>();
    const { qemu } = qemuThatAnswers(clock, (command) => {
      if (command === 'stop') off.resolve('guest-shutdown');
      return { status: 'running' };
    });
    const ending = await stopGuest(stopOptions({ qemu, clock, gracePeriodSeconds: 6, off: off.promise }));
    expect(ending).toMatchObject({ kind: 'Clean' });
  });
});
