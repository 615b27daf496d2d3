import { describe, expect, it } from 'vitest';
import { bootCount } from './guests.ts';
import { brokenPromises, lookAround, survivalTable } from './report.ts';

const before = { persistent: 1, hybrid: 4, ephemeral: 1 };
const kept = { persistent: 2, hybrid: 5, ephemeral: 1 };

describe('the demo', () => {
  it('takes the last boot counter that the guest printed', () => {
    expect(bootCount('{"msg":"x"}\nLOCO-GUEST boot=1\nLOCO-GUEST stopping\nLOCO-GUEST boot=12\r\n')).toBe(12);
    expect(bootCount('')).toBeUndefined();
  });

  it('is content when volumes kept their disks and the ephemeral one began anew', () => {
    expect(brokenPromises(before, kept)).toEqual([]);
  });

  it('names a machine whose disk was lost, and an ephemeral one whose disk was not', () => {
    expect(brokenPromises(before, { persistent: 1, hybrid: 5, ephemeral: 2 })).toEqual(['persistent', 'ephemeral']);
  });

  it('shows the counters before and after for each machine', () => {
    const lines = survivalTable([], before, kept).split('\n');
    expect(lines).toHaveLength(4);
    expect(lines[2]).toMatch(/hybrid .* PVC win98-disk-hybrid-0 .* 4 -> 5 .* its disk survived/);
    expect(lines[3]).toMatch(/ephemeral .* in the pod .* 1 -> 1 .* began anew, as promised/);
  });

  it('ends with lines to paste that name this cluster', () => {
    const cluster = {
      provider: 'local',
      name: 'other',
      kubeconfig: '/state/kubeconfig',
      kubectl: '/tools/kubectl',
    } as const;
    const text = lookAround(cluster);
    expect(text).toContain('export KUBECONFIG=/state/kubeconfig PATH="/tools:$PATH"');
    expect(text).toContain('LOCO_CLUSTER=other npm run cluster -- down');
    expect(lookAround({ ...cluster, provider: 'given' })).toContain('kubectl delete namespace loco-demo');
  });
});
