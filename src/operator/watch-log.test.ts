import { expect, test } from 'vitest';
import { WatchLog } from './watch-log.ts';

function setUp() {
  const lines: string[] = [];
  const line = (fields: object, message: string) => lines.push(`${Object.values(fields)[0]} ${message}`);
  const watches = new WatchLog({ warn: line, info: line });
  const fail = (resource: string, message: string) =>
    watches.failed({ resource, error: new Error(message), retryInMs: 200 });
  return { lines, watches, fail };
}

test('a watch that goes on failing as before is logged once, and once more when it goes on', () => {
  const { lines, watches, fail } = setUp();
  for (let times = 0; times < 20; times += 1) fail('pods', 'refused');
  fail('pods', 'silent');
  watches.recovered('pods');
  watches.recovered('pods');
  fail('pods', 'silent');
  expect(lines).toEqual(['pods watch: refused', 'pods watch: silent', 'pods watch: goes on', 'pods watch: silent']);
});

test('each resource is logged for itself', () => {
  const { lines, fail } = setUp();
  for (const resource of ['pods', 'services', 'pods']) fail(resource, 'refused');
  expect(lines).toEqual(['pods watch: refused', 'services watch: refused']);
});
