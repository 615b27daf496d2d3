import { expect, test } from 'vitest';
import type { KubeObject } from './object.ts';
import { slim } from './slim.ts';

const fieldsV1 = { 'f:spec': { 'f:replicas': {} } };
const entries = [
  { manager: 'kubelet', operation: 'Update', subresource: 'status', time: 'T', fieldsV1 },
  { manager: 'me', operation: 'Update', apiVersion: 'v1', time: 'T', fieldsV1 },
];

function object(metadata: object): KubeObject & { spec: object } {
  return { metadata: { name: 'a', uid: 'u', ...metadata }, spec: { replicas: 1 } };
}

test('who set which field is dropped, and nothing else', () => {
  const labels = { app: 'x' };
  expect(slim(object({ labels, managedFields: entries }), [])).toEqual(object({ labels }));
});

test('an object that one of ours created keeps the names of its writers, in their order', () => {
  expect(slim(object({ managedFields: entries }), ['me']).metadata.managedFields).toEqual([
    { manager: 'kubelet', operation: 'Update', subresource: 'status' },
    { manager: 'me', operation: 'Update' },
  ]);
});

test('an object that one of ours has applied, or whose status it wrote, keeps none', () => {
  const applied = [{ manager: 'me', operation: 'Apply', fieldsV1 }];
  const status = [{ manager: 'me', operation: 'Update', subresource: 'status', fieldsV1 }];
  expect(slim(object({ managedFields: applied }), ['me'])).toEqual(object({}));
  expect(slim(object({ managedFields: status }), ['me'])).toEqual(object({}));
});

test("kubectl's copy of the object is dropped from its annotations, and the others stay", () => {
  const annotations = { 'kubectl.kubernetes.io/last-applied-configuration': '{"a":"lot"}', kept: 'yes' };
  expect(slim(object({ annotations }), [])).toEqual(object({ annotations: { kept: 'yes' } }));
});
