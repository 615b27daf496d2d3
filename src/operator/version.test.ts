import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { VERSION } from './version.ts';

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');

test('the operator says the version that package.json and the chart say', () => {
  expect(JSON.parse(read('package.json'))).toHaveProperty('version', VERSION);
  expect(read('helm/loco-operator/Chart.yaml')).toContain(`appVersion: ${VERSION}\n`);
});
