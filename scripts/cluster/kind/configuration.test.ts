import { expect, test } from 'vitest';
import { corefile, kindConfiguration, podNetwork } from './configuration.ts';

const parsed = (input: Parameters<typeof kindConfiguration>[0]) => JSON.parse(kindConfiguration(input));

test('a published node on an ordinary machine is left as kind makes it, control groups aside', () => {
  const configuration = parsed({ homeMade: false, hasSysResource: true });
  expect(configuration.networking).toEqual({});
  expect(configuration.containerdConfigPatches).toBeUndefined();
  expect(configuration.kubeadmConfigPatches.join()).toContain('"failCgroupV1":false');
});

test('a machine without CAP_SYS_RESOURCE keeps the scores of its containers', () => {
  const { containerdConfigPatches } = parsed({ homeMade: false, hasSysResource: false });
  expect(containerdConfigPatches.join()).toContain('restrict_oom_score_adj = true');
});

test('beside an engine of its own the API server is published where this machine reaches it', () => {
  const apiServer = { address: '10.80.0.2', port: 6443 };
  expect(parsed({ apiServer, homeMade: true, hasSysResource: true }).networking).toEqual({
    apiServerAddress: '10.80.0.2',
    apiServerPort: 6443,
    disableDefaultCNI: true,
  });
});

test("pods get addresses of their node's own range", () => {
  expect(JSON.parse(podNetwork('10.244.0.0/24')).plugins[0].ipam.ranges).toEqual([[{ subnet: '10.244.0.0/24' }]]);
});

test('the registry has a name, and nobody is asked for names outside', () => {
  const text = corefile({ host: 'registry.loco.test', address: '10.80.0.2' });
  expect(text).toContain('10.80.0.2 registry.loco.test');
  expect(text).not.toContain('forward');
});
