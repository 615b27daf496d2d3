import { expect, test } from 'vitest';
import { certificateRequests } from './certificates.ts';
import { addressesOf } from './layout.ts';

const requests = certificateRequests('loco', addressesOf(80));
const of = (name: string) => requests.find((request) => request.name === name);

test('the API server is trusted by its names and addresses inside and outside of the cluster', () => {
  expect(of('apiserver')?.alternativeNames).toEqual(
    expect.arrayContaining(['DNS:kubernetes.default.svc', 'IP:10.80.128.1', 'IP:10.80.0.2']),
  );
});

test('the registry has an authority of its own, and is trusted by name and by address', () => {
  expect(of('registry')).toMatchObject({
    authority: 'registry-ca',
    alternativeNames: ['DNS:registry.loco.test', 'IP:10.80.0.2'],
  });
});

test('the node is known to the API server as a node', () => {
  expect(of('kubelet')?.subject).toBe('/O=system:nodes/CN=system:node:loco');
});
