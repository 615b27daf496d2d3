import { expect, test } from 'vitest';
import { WatchLog } from './watch-log.ts';

function setUp() {
  const lines: string[] = [];
  const line = (fields: object, message: string) => lines.push(`${Object.values(fields)[0]} ${message}`);
  const watches = new WatchLog({ warn: line, info: line });
  const fail = (resource: string, message: string) =>
    watches.failed({ resource, namespace: '', error: new Error(message), retryInMs: 200 });
  return { lines, watches, fail };
}

test('a watch that goes on failing as before is logged once, and once more when it goes on', () => {
  const { lines, watches, fail } = setUp();
  for (let times = 0; times < 20; times += 1) fail('pods', 'refused');
  fail('pods', 'silent');
  watches.recovered({ resource: 'pods', namespace: '' });
  watches.recovered({ resource: 'pods', namespace: '' });
  fail('pods', 'silent');
  expect(lines).toEqual(['pods watch: refused', 'pods watch: silent', 'pods watch: goes on', 'pods watch: silent']);
});

test('each resource is logged for itself', () => {
  const { lines, fail } = setUp();
  for (const resource of ['pods', 'services', 'pods']) fail(resource, 'refused');
  expect(lines).toEqual(['pods watch: refused', 'services watch: refused']);
});

test('each namespace is logged for itself', () => {
  const { lines, watches } = setUp();
  const error = new Error('refused');
  for (const namespace of ['a', 'b', 'a', 'b']) watches.failed({ resource: 'pods', namespace, error, retryInMs: 200 });
  watches.recovered({ resource: 'pods', namespace: 'b' });
  expect(lines).toEqual(['pods watch: refused', 'pods watch: refused', 'pods watch: goes on']);
});
