import { expect, test } from 'vitest';
import { CARRIED_TOOLS, type CarriedPrograms, carriedImages } from './carried-images.ts';

const programs = Object.fromEntries(CARRIED_TOOLS.map((name) => [name, `/tools/${name}`])) as CarriedPrograms;
const storage = {
  manifest: '',
  provisionerImage: 'docker.io/x/local-path-provisioner:1',
  helperImage: 'docker.io/x/h:1',
};
const images = (...names: string[]) => carriedImages(names, storage, programs, '/debian.tar');

test('each image of kubeadm is made of the program of its name, where the manifests look for it', () => {
  const [server, dns] = images('registry.k8s.io/kube-apiserver:v1.36.3', 'registry.k8s.io/coredns/coredns:v1.14.2');
  expect(server).toEqual({
    name: 'registry.k8s.io/kube-apiserver:v1.36.3',
    files: { 'usr/local/bin/kube-apiserver': '/tools/kube-apiserver' },
    entrypoint: ['/usr/local/bin/kube-apiserver'],
  });
  expect(dns).toMatchObject({ files: { coredns: '/tools/coredns' }, entrypoint: ['/coredns'] });
});

test('only the proxy, which calls other programs, has a Debian below it', () => {
  const all = images('registry.k8s.io/kube-proxy:v1', 'registry.k8s.io/etcd:3');
  expect(all.filter(({ root }) => root === '/debian.tar').map(({ name }) => name)).toEqual([
    'registry.k8s.io/kube-proxy:v1',
  ]);
});

test('storage comes along, and an image that is listed twice is made once', () => {
  const names = images('registry.k8s.io/pause:3.10', 'registry.k8s.io/pause:3.10').map(({ name }) => name);
  expect(names).toEqual(['registry.k8s.io/pause:3.10', storage.provisionerImage, storage.helperImage]);
});

test('an image that no pinned program makes is named', () => {
  expect(() => images('registry.k8s.io/newcomer:v1')).toThrow(/registry\.k8s\.io\/newcomer:v1/);
});
