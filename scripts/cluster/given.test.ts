import { expect, test } from 'vitest';
import { loadCommand, openGivenCluster } from './given.ts';

test.each([
  ['minikube', ['minikube', 'image', 'load', 'x:1']],
  ['kind-dev', ['kind', 'load', 'docker-image', '--name', 'dev', 'x:1']],
  ['production', undefined],
])('images get into a cluster of context "%s" by %j', (context, command) => {
  expect(loadCommand(context, 'x:1')).toEqual(command);
});

test('a kubeconfig that is not there is said to be wrong', async () => {
  await expect(openGivenCluster('/no/such/file')).rejects.toThrow(/no kubeconfig \/no\/such\/file/);
});
