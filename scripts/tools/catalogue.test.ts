import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { projectFolder } from '../folders.ts';
import {
  allTools,
  buildArguments,
  CLUSTER_TOOLS,
  KUBERNETES_VERSIONS,
  type KubernetesMinor,
  type Tool,
  toolsOf,
} from './catalogue.ts';

const tool = (name: string) => {
  const found = allTools.find((candidate) => candidate.name === name);
  if (found === undefined) throw new Error(`no tool ${name}`);
  return found;
};

test('binaries are stripped and name no path of this machine', () => {
  for (const each of allTools) {
    expect(buildArguments(each, '/out')).toEqual(expect.arrayContaining(['-trimpath', '-mod=readonly']));
    expect(buildArguments(each, '/out').join(' ')).toContain('-ldflags -s -w');
  }
});

test('the API server names its version, which clients compare', () => {
  expect(buildArguments(tool('kube-apiserver'), '/out').join(' ')).toContain('version.gitVersion=v1.36.3');
});

test.each(Object.entries(KUBERNETES_VERSIONS))(
  'Kubernetes %s is pinned at %s, and nothing else differs',
  (minor, version) => {
    const ofKubernetes = ({ folder }: Tool) => folder.startsWith('kubernetes');
    const all = toolsOf(minor as KubernetesMinor);
    expect(all.filter(ofKubernetes)).toHaveLength(6);
    for (const each of all.filter(ofKubernetes)) {
      const pins = readFileSync(join(projectFolder, 'tools', each.folder, 'go.mod'), 'utf8');
      expect(pins).toContain(`k8s.io/kubernetes v${version}`);
      expect(buildArguments(each, '/out').join(' ')).toContain(`version.gitVersion=v${version}`);
    }
    const others = (tools: readonly Tool[]) => tools.filter((each) => !ofKubernetes(each));
    expect(others(all)).toEqual(others(allTools));
  },
);

test('runc is built with seccomp, since pods ask for it', () => {
  expect(buildArguments(tool('runc'), '/out')).toEqual(expect.arrayContaining(['-tags', 'seccomp']));
});

test('a cold cluster builds neither kind, kwok nor the peer of a bench', () => {
  expect(CLUSTER_TOOLS).not.toContain('kind');
  expect(CLUSTER_TOOLS).not.toContain('kwok');
  expect(CLUSTER_TOOLS).not.toContain('kubeadm');
  expect(CLUSTER_TOOLS).not.toContain('rabbitmq-operator');
  expect(CLUSTER_TOOLS).toContain('kubelet');
});
