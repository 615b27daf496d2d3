import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { chartFolder, only, render } from './render.ts';

const enabled = 'monitoring.serviceMonitor.enabled=true';

describe('what Prometheus scrapes', () => {
  it("is each of the operator's pods, ready or not, at the port of its metrics", async () => {
    const manifests = await render(enabled);
    const { spec } = z.looseObject({ spec: z.looseObject({}) }).parse(only(manifests, 'Service'));
    const { matchLabels } = z
      .looseObject({ spec: z.looseObject({ selector: z.object({ matchLabels: z.record(z.string(), z.string()) }) }) })
      .parse(only(manifests, 'Deployment')).spec.selector;
    expect(spec).toEqual({
      clusterIP: 'None',
      publishNotReadyAddresses: true,
      selector: matchLabels,
      ports: [{ name: 'metrics', port: 8081, targetPort: 'metrics', protocol: 'TCP' }],
    });
    expect(only(manifests, 'Service').metadata['labels']).toMatchObject(matchLabels);
    expect(only(manifests, 'ServiceMonitor')).toHaveProperty('spec', {
      namespaceSelector: { matchNames: ['machines'] },
      selector: { matchLabels },
      endpoints: [{ port: 'metrics', path: '/metrics' }],
    });
  });

  it('carries the labels that a Prometheus chooses by, and the interval that is asked for', async () => {
    const settings = ['monitoring.serviceMonitor.labels={"release":"p"}', 'monitoring.serviceMonitor.interval="15s"'];
    const monitor = only(await render(enabled, ...settings), 'ServiceMonitor');
    expect(monitor.metadata).toHaveProperty('labels.release', 'p');
    expect(monitor).toHaveProperty('spec.endpoints', [{ port: 'metrics', path: '/metrics', interval: '15s' }]);
  });
});

describe('the dashboard', () => {
  it('is what stands in the chart, in a ConfigMap that a sidecar finds', async () => {
    const manifests = await render('monitoring.dashboard.enabled=true');
    const { data } = z.looseObject({ data: z.record(z.string(), z.string()) }).parse(only(manifests, 'ConfigMap'));
    const text = await readFile(join(chartFolder, 'dashboards/operator.json'), 'utf8');
    expect(Object.keys(data)).toEqual(['loco-operator-machines.json']);
    expect(JSON.parse(Object.values(data)[0] ?? '')).toEqual(JSON.parse(text));
    expect(only(manifests, 'ConfigMap').metadata['labels']).toMatchObject({ grafana_dashboard: '1' });
  });

  it('is left out unless asked for', async () => {
    expect((await render()).filter(({ kind }) => kind === 'ConfigMap')).toEqual([]);
  });
});
