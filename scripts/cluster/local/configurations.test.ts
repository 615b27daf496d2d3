import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { allComponents } from './components.ts';
import { type ConfigurationInput, renderConfigurations } from './configurations.ts';
import { renderKubeconfig } from './kubeconfig.ts';
import { addressesOf, layoutOf } from './layout.ts';

const input = (name: string, index: number): ConfigurationInput => ({
  layout: layoutOf('/state/clusters', name),
  addresses: addressesOf(index),
  runc: '/tools/runc',
  registrySecret: 'x',
});

const one = renderConfigurations(input('loco', 80));

test('nothing of one cluster stands in the configuration of another', () => {
  const other = Object.values(renderConfigurations(input('other', 81))).join('\n');
  expect(other).not.toMatch(/10\.80\./);
  expect(other).not.toContain('/state/clusters/loco');
});

test('nothing of one cluster stands in the arguments of another', () => {
  const { layout, addresses } = input('other', 81);
  const words = allComponents(layout, addresses).flatMap(({ args }) => args);
  expect(words.filter((word) => word.includes('10.80.') || word.includes('/clusters/loco'))).toEqual([]);
});

test("the kubelet keeps its pods in the cluster's own control group, on machines of either version", () => {
  expect(parse(one['kubelet.yaml'] ?? '')).toMatchObject({
    cgroupRoot: `/${layoutOf('/state/clusters', 'loco').controlGroup}`,
    failCgroupV1: false,
    imageGCHighThresholdPercent: 100,
    clusterDNS: ['10.80.128.10'],
  });
});

test('the two registry listeners differ in their address and their TLS alone', () => {
  const tls = parse(one['registry-tls.yaml'] ?? '');
  const plain = parse(one['registry-plain.yaml'] ?? '');
  expect({ ...tls, http: undefined }).toEqual({ ...plain, http: undefined });
  expect([tls.http.tls === undefined, plain.http.tls === undefined]).toEqual([false, true]);
  expect(tls.http.secret).toBe(plain.http.secret);
});

test('what a client says and hears is in the audit log by its metadata alone', () => {
  expect(parse(one['audit-policy.yaml'] ?? '').rules).toEqual([{ level: 'Metadata' }]);
});

test('a kubeconfig has everything inside', () => {
  const credentials = { server: 'https://10.80.0.2:6443', authority: 'a', certificate: 'b', key: 'c' };
  const kubeconfig = parse(renderKubeconfig('loco', credentials));
  expect(kubeconfig).toMatchObject({
    'current-context': 'loco',
    clusters: [{ cluster: { server: 'https://10.80.0.2:6443', 'certificate-authority-data': 'YQ==' } }],
    users: [{ user: { 'client-certificate-data': 'Yg==', 'client-key-data': 'Yw==' } }],
  });
});
