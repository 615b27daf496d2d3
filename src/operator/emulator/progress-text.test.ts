import { expect, test } from 'vitest';
import { progressText } from './progress-text.ts';

const MIB = 2 ** 20;

test.each([
  [
    'percent, amount, rate and time left in one line',
    {
      step: 'Pulling',
      doneBytes: 120 * MIB,
      totalBytes: 280 * MIB,
      percent: 43,
      bytesPerSecond: 12 * MIB,
      secondsLeft: 13,
    },
    'Pulling 43 % (120 of 280 MiB, 12 MiB/s, 13 s left)',
  ],
  [
    'an import, whose size nobody knows, by what has come so far',
    { step: 'Importing', doneBytes: 7.9 * MIB, bytesPerSecond: 200 * 1024 },
    'Importing (7 MiB so far, 200 KiB/s)',
  ],
  [
    'a rate that is not known yet is left out',
    { step: 'Copying', doneBytes: 0, totalBytes: 1, percent: 0 },
    'Copying 0 % (0 of 1 MiB)',
  ],
  [
    'long times in minutes',
    { step: 'Pulling', doneBytes: 0, totalBytes: MIB, percent: 0, bytesPerSecond: 0, secondsLeft: 600 },
    'Pulling 0 % (0 of 1 MiB, 0 KiB/s, 10 min left)',
  ],
] as const)('%s', (_sentence, progress, text) => {
  expect(progressText(progress)).toBe(text);
});
