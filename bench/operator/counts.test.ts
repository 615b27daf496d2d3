import { expect, test } from 'vitest';
import { countKinds, countRequests, kindOf, writesOf } from './counts.ts';

const request = (verb: string, resource: string, subresource?: string) => ({ verb, resource, subresource });

test.each([
  ['what changes an object that lasts', request('create', 'statefulsets'), 'objects'],
  ['an apply of a part of it', request('patch', 'persistentvolumeclaims'), 'objects'],
  ['what changes a status', request('update', 'rabbitmqclusters', 'status'), 'status'],
  ['an event', request('create', 'events'), 'events'],
  ['an event that is told again', request('patch', 'events'), 'events'],
  ['a renewal of the Lease', request('update', 'leases'), 'leases'],
  ['a look at the Lease', request('get', 'leases'), 'leases'],
  ['a program that is run in a pod, by POST', request('create', 'pods', 'exec'), 'execs'],
  ['a GET', request('get', 'secrets'), 'reads'],
  ['a LIST', request('list', 'pods'), 'reads'],
  ['a watch', request('watch', 'pods'), 'watches'],
])('%s is counted as its kind', (_what, entry, kind) => {
  expect(kindOf(entry)).toBe(kind);
});

test('neither events nor the Lease count as writes, which are what lasts', () => {
  const counts = countKinds([
    request('create', 'services'),
    request('patch', 'emulators', 'status'),
    request('create', 'events'),
    request('update', 'leases'),
    request('get', 'secrets'),
  ]);
  expect(counts).toEqual({ objects: 1, status: 1, events: 1, leases: 1, execs: 0, reads: 1, watches: 0 });
  expect(writesOf(counts)).toBe(2);
});

test('requests are listed by how often they were made, those that failed apart', () => {
  const create = { ...request('create', 'secrets'), code: 201 };
  const refused = { ...request('create', 'secrets'), code: 409 };
  const status = { ...request('patch', 'emulators', 'status'), code: 200 };
  expect(countRequests([create, refused, status, status, status, create])).toEqual([
    ['patch emulators/status', 3],
    ['create secrets', 2],
    ['create secrets (409)', 1],
  ]);
});
