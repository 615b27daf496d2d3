import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { failed, success } from '../failure.ts';
import { GuestWatch } from './guest-watch.ts';
import type { QmpClient, QmpEvent } from './qmp.ts';

/** A monitor whose answers are in a table, and whose events are ours. */
function fakeMonitor(answers: Record<string, unknown>) {
  const listeners = new Set<(event: QmpEvent) => void>();
  const asked: string[] = [];
  const qmp: QmpClient = {
    qemuVersion: '10.0.2',
    execute: async (command, schema) => {
      asked.push(command);
      if (answers[command] instanceof Error) return failed('QMPTimeout', command);
      const parsed = schema.safeParse(answers[command]);
      return parsed.success ? success(parsed.data) : failed('QMPAnswerUnexpected', command);
    },
    humanMonitor: async () => failed('QMPCommandFailed', 'no'),
    onEvent: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    close: () => {},
  };
  const tell = (event: string, data: Record<string, unknown> = {}) => {
    for (const listener of listeners) {
      listener({ event, data });
    }
  };
  return { qmp, asked, tell };
}

function watchOf(answers: Record<string, unknown>) {
  const monitor = fakeMonitor(answers);
  let now = 1000;
  const clock = { now: () => now, elapsed: () => now, sleep: async () => {} };
  const log = pino({ level: 'silent' });
  const probed: boolean[] = [];
  const volume = {
    look: async (write: boolean) => {
      probed.push(write);
      return { space: undefined, disk: 'There', readOnly: false, takesData: undefined } as const;
    },
    giveBack: async () => {},
  };
  const watch = new GuestWatch({
    qemu: monitor,
    vncPort: 1,
    screendumpFile: '/nonexistent',
    gdbSocket: '/nonexistent',
    volume,
    clock,
    log,
  });
  return { ...monitor, watch, probed, pass: (milliseconds: number) => (now += milliseconds) };
}

const RUNNING = { 'query-status': { status: 'running' } };

describe('the watch over a guest', () => {
  it('counts what was read since the last reset, and then the time and the screen anew', async () => {
    const answers = { ...RUNNING, 'query-blockstats': [{ stats: { rd_bytes: 700 } }, { stats: { rd_bytes: 300 } }] };
    const { watch, tell, pass } = watchOf(answers);
    pass(5000);
    expect(await watch.gather()).toMatchObject({ readBytes: 1000, secondsSinceReset: 5, cameUp: false });
    watch.screenCameUp();
    expect(await watch.gather()).toMatchObject({ cameUp: true });
    tell('RESET', { guest: true, reason: 'guest-reset' });
    expect(await watch.gather()).toMatchObject({ readBytes: 0, secondsSinceReset: 0, cameUp: false });
    answers['query-blockstats'] = [{ stats: { rd_bytes: 1512 } }];
    expect(await watch.gather()).toMatchObject({ readBytes: 512 });
  });

  it('takes nothing from before a reset that comes while it looks', async () => {
    const { watch, tell } = watchOf({ ...RUNNING, 'query-blockstats': [{ stats: { rd_bytes: 1_000_000 } }] });
    watch.screenCameUp();
    const looking = watch.gather();
    tell('RESET');
    expect(await looking).toMatchObject({ readBytes: 0, cameUp: false });
  });

  it('keeps the error that paused the guest until it runs again', async () => {
    const { watch, tell } = watchOf({ 'query-status': { status: 'io-error' } });
    tell('BLOCK_IO_ERROR', { operation: 'write', action: 'stop', nospace: true });
    expect(await watch.gather()).toMatchObject({ runState: 'io-error', diskError: { noSpace: true } });
    tell('RESUME');
    expect(await watch.gather()).toMatchObject({ diskError: undefined });
    tell('BLOCK_IO_ERROR', { operation: 'write', action: 'report', nospace: true });
    expect(await watch.gather()).toMatchObject({ diskError: undefined });
  });

  it('knows a guest that it could not let run again, although QEMU has forgotten the error', async () => {
    const answers: Record<string, unknown> = { 'query-status': { status: 'paused' }, cont: new Error('no answer') };
    const { watch, tell, probed } = watchOf(answers);
    tell('BLOCK_IO_ERROR', { operation: 'write', action: 'stop', nospace: true });
    const letting = watch.letRun();
    tell('RESUME');
    expect(await letting).toBe(false);
    expect([watch.diskError, watch.isHeld]).toEqual([undefined, true]);
    await watch.gather();
    expect(probed).toEqual([true]);
    answers['cont'] = {};
    expect(await watch.letRun()).toBe(true);
    expect(watch.isHeld).toBe(false);
  });

  it('says why the guest is off', async () => {
    const { watch, tell } = watchOf(RUNNING);
    tell('SHUTDOWN', { guest: true, reason: 'guest-shutdown' });
    expect(await watch.off).toBe('guest-shutdown');
  });

  it('knows no run state when QEMU does not answer', async () => {
    expect(await watchOf({}).watch.gather()).toMatchObject({ runState: undefined, answersRfb: false });
  });

  it('has news of the guest, and not of its viewers', () => {
    const { watch, tell } = watchOf(RUNNING);
    const { news } = watch;
    tell('VNC_CONNECTED');
    expect(news.aborted).toBe(false);
    tell('STOP');
    expect([news.aborted, watch.news.aborted]).toEqual([true, false]);
  });
});
