import { describe, expect, it } from 'vitest';
import { machineLine } from './follow.ts';

const machine = { ordinal: 0, pod: 'hybrid-0', phase: 'Preparing', ready: false, message: 'Pulling the snapshot' };

describe("a machine's line in the demo", () => {
  it('says that there is no pod yet', () => {
    expect(machineLine(undefined)).toBe('waits for its pod');
  });

  it('repeats what the machine says', () => {
    expect(machineLine(machine)).toBe('Preparing: Pulling the snapshot');
  });

  it('counts megabytes, with the total when it is known', () => {
    const progress = { step: 'Pulling', doneBytes: 3_200_000 };
    expect(machineLine({ ...machine, progress })).toBe('Preparing: pulling, 3.2 MB');
    expect(machineLine({ ...machine, progress: { ...progress, totalBytes: 8_000_000 } })).toBe(
      'Preparing: pulling, 3.2 of 8.0 MB',
    );
  });
});
