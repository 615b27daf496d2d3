import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { ANNOTATIONS } from './names.ts';
import { CONDITIONS, REASONS } from './reasons.ts';

const PAGE = new URL('../../../docs/reference/conditions.md', import.meta.url);

test('every condition, reason and event is explained in the reference, with what people may annotate', () => {
  const page = readFileSync(PAGE, 'utf8');
  const words = [...Object.values(CONDITIONS), ...Object.values(REASONS), ANNOTATIONS.resolveSnapshot];
  expect(words.filter((word) => !page.includes(`\`${word}\``))).toEqual([]);
});
