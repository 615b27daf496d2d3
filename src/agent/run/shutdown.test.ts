import { describe, expect, it } from 'vitest';
import type { Clock } from '../environment.ts';
import { success } from '../failure.ts';
import type { Qemu, QemuExit } from './qemu-process.ts';
import { quitAfterGuest } from './shutdown.ts';

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
