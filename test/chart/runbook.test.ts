import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { projectFolder } from '../../scripts/folders.ts';
import { chartFolder } from './render.ts';

const alertsSchema = z.array(z.looseObject({ alert: z.string() }));

test('every alert has a section in the runbook, and every section an alert; each says what it means, where to look and what to do', async () => {
  const alerts = alertsSchema.parse(parse(await readFile(join(chartFolder, 'alerts/operator.yaml'), 'utf8')));
  const page = await readFile(join(projectFolder, 'docs/operations.md'), 'utf8');
  const sections = page
    .split('\n### ')
    .slice(1)
    .map((section) => ({ title: section.split('\n', 1)[0], text: section }));
  expect(sections.map(({ title }) => title)).toEqual(alerts.map(({ alert }) => alert));
  for (const { title, text } of sections) {
    for (const part of ['**Means**: ', '**Look**: ', '**Do**: '])
      expect(text, `${title}: ${part}`).toContain(`\n${part}`);
  }
});
