import { emulator } from '../support/manifest.ts';
import type { RuleCase } from '../support/rule-case.ts';

const named = (name: string) => ({ create: emulator({ storage: { mode: 'Persistent' } }, name) });

export const nameCases: readonly RuleCase[] = [
  {
    path: '',
    says: 'metadata.name must have at most 52 characters',
    refused: [named('a'.repeat(53))],
    allowed: [named('a'.repeat(52))],
  },
  {
    path: '',
    says: 'metadata.name must begin with a letter',
    refused: [named('98'), named('win.98')],
    allowed: [named('w'), named('win-98')],
  },
];
