import { expect, test } from 'vitest';
import { loadCommand, openGivenCluster } from './given.ts';

test.each([
  ['minikube', ['minikube', 'image', 'load', 'x:1']],
  ['kind-dev', ['kind', 'load', 'docker-image', 'x:1', '--name', 'dev']],
  ['production', undefined],
])('images get into a cluster of context "%s" by %j', (context, command) => {
  expect(loadCommand(context, { image: 'x:1' })).toEqual(command);
});

test.each([
  ['minikube', ['minikube', 'image', 'load', '/x.tar']],
  ['kind-dev', ['kind', 'load', 'image-archive', '/x.tar', '--name', 'dev']],
])('an image of podman or buildah gets into a cluster of context "%s" as an archive', (context, command) => {
  expect(loadCommand(context, { archive: '/x.tar' })).toEqual(command);
});

test('a kubeconfig that is not there is said to be wrong', async () => {
  await expect(openGivenCluster('/no/such/file')).rejects.toThrow(/no kubeconfig \/no\/such\/file/);
});
