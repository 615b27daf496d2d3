import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { REASONS, reasonSchema } from './reason.ts';

const source = path.join(import.meta.dirname, '..');

/** The text of the programs that give reasons. */
function programs(): string {
  const names = ['agent', 'oci'].flatMap((part) =>
    readdirSync(path.join(source, part), { recursive: true, encoding: 'utf8' }).map((name) => path.join(part, name)),
  );
  const files = names.filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'));
  return files.map((name) => readFileSync(path.join(source, name), 'utf8')).join('\n');
}

test('each reason is given by some program, and has one sentence', () => {
  const text = programs();
  for (const [reason, sentence] of Object.values(REASONS).flatMap((group) => Object.entries(group))) {
    expect(text, reason).toContain(`'${reason}'`);
    expect(reason).toMatch(/^[A-Z][A-Za-z0-9]+$/);
    expect(sentence, reason).toMatch(/^[A-Z].*\.$/);
  }
});

test('no reason stands in two groups', () => {
  expect(new Set(reasonSchema.options).size).toBe(reasonSchema.options.length);
});
