import { describe, expect, it } from 'vitest';
import type { LifeEnd } from './guest-run.ts';
import { decideNext } from './supervisor.ts';

const clean = { kind: 'Clean', message: 'The guest shut down by itself.' } as const;
const unclean = { kind: 'Unclean', message: 'QEMU ended.' } as const;
const POWERED_OFF: LifeEnd = { kind: 'PoweredOff', ending: clean };
const CRASHED: LifeEnd = { kind: 'Crashed', reason: 'QEMUCrashed', ending: unclean };
const NOT_STARTED: LifeEnd = { kind: 'NotStarted', failure: { reason: 'KVMNotAvailable', message: 'No KVM.' } };

describe('after a life of QEMU', () => {
  it.each([POWERED_OFF, CRASHED, NOT_STARTED, { kind: 'Stopped', ending: clean } as const])(
    'nothing is started again while the machine is being stopped ($kind)',
    (end) => {
      expect(decideNext(end, 'Restart', true, 0)).toEqual({ kind: 'Exit' });
    },
  );

  it('a guest that switched itself off is started again or not, by policy', () => {
    expect(decideNext(POWERED_OFF, 'Restart', false, 0)).toMatchObject({ kind: 'StartAgain', reopen: false });
    expect(decideNext(POWERED_OFF, 'Stay', false, 0)).toEqual({ kind: 'StayOff' });
  });

  it('a crash is no guest that switched itself off: the disk is opened again and QEMU started', () => {
    expect(decideNext(CRASHED, 'Stay', false, 0)).toMatchObject({ kind: 'StartAgain', reopen: true });
  });

  it('a disk that no guest ran on is not opened again', () => {
    expect(decideNext(NOT_STARTED, 'Restart', false, 0)).toMatchObject({ kind: 'StartAgain', reopen: false });
  });

  it('a disk that is another one now is opened again', () => {
    expect(decideNext({ ...NOT_STARTED, disk: 'Changed' }, 'Restart', false, 0)).toMatchObject({ reopen: true });
  });

  it('each short life makes the pause longer, up to half a minute', () => {
    const pauses = [0, 1, 2, 3, 4, 5, 6, 1000].map((lives) => decideNext(CRASHED, 'Restart', false, lives));
    expect(pauses.map((step) => step.kind === 'StartAgain' && step.afterMilliseconds / 1000)).toEqual([
      1, 2, 4, 8, 16, 30, 30, 30,
    ]);
  });
});
