import { beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { ensurePromtool, promtoolCheck, promtoolTest, type Series } from './promtool.ts';
import { only, refusal, render } from './render.ts';

const ruleSchema = z.strictObject({
  alert: z.string(),
  expr: z.string(),
  for: z.string().optional(),
  labels: z.strictObject({ severity: z.enum(['critical', 'warning']) }),
  annotations: z.strictObject({ summary: z.string(), description: z.string(), runbook_url: z.string() }),
});
const specSchema = z.strictObject({
  groups: z.array(z.strictObject({ name: z.string(), rules: z.array(ruleSchema) })),
});
const enabled = 'monitoring.prometheusRule.enabled=true';

async function rulesWith(...settings: string[]) {
  const { spec } = z
    .looseObject({ spec: specSchema })
    .parse(only(await render(enabled, ...settings), 'PrometheusRule'));
  return spec;
}

/** Series of this release's two pods; `leader` and `standby` are their values, a minute apart. */
const of = (name: string, labels: Readonly<Record<string, string>>, leader: string, standby?: string): Series[] =>
  [leader, standby].flatMap((values, pod) => {
    const all = { ...labels, namespace: 'machines', service: 'loco-operator-metrics', pod: `loco-operator-${pod}` };
    const text = Object.entries(all).map(([key, value]) => `${key}="${value}"`);
    return values === undefined ? [] : [{ series: `${name}{${text.join(',')}}`, values }];
  });
const one = (name: string, values: string) => of(name, { name: 'emulator', controller: 'emulator' }, values);
const emulators = (condition: string, status: string, reason: string, values = '0x2 3x60') =>
  of('loco_emulators', { condition, status, reason }, values, values);
const requests = (code: string, values: string) =>
  of('rest_client_requests_total', { code, method: 'PATCH', host: 'api' }, values);
const leads = (leader: string, standby: string) =>
  of('leader_election_master_status', { name: 'loco-operator' }, leader, standby);

interface Case {
  readonly series: readonly Series[];
  /** Before its trouble is old enough, and after. */
  readonly quiet: string;
  readonly fires: string;
  readonly labels?: Readonly<Record<string, string>>;
  /** What its description says, where the values decide that. */
  readonly says?: string;
}

const CASES: Readonly<Record<string, Case>> = {
  LocoOperatorAbsent: {
    series: leads('1x4', '0x4'),
    quiet: '12m',
    fires: '25m',
    labels: { namespace: 'machines', service: 'loco-operator-metrics' },
  },
  LocoOperatorWithoutLeader: { series: leads('1x4 0x20', '0x24'), quiet: '8m', fires: '12m' },
  LocoOperatorSeveralLeaders: { series: leads('1x20', '0x4 1x16'), quiet: '6m', fires: '10m' },
  LocoOperatorMistake: {
    series: one('controller_runtime_reconcile_panics_total', '0x10 1x120'),
    quiet: '9m',
    fires: '12m',
  },
  LocoOperatorPassesFail: {
    series: [
      ...one('controller_runtime_reconcile_errors_total', '0+1x60'),
      ...of('controller_runtime_reconcile_total', { controller: 'emulator', result: 'error' }, '0+1x60'),
      ...of('controller_runtime_reconcile_total', { controller: 'emulator', result: 'success' }, '0+3x60'),
    ],
    quiet: '10m',
    fires: '30m',
    says: '25% of them did in the last 10 minutes. They are tried again.',
  },
  LocoOperatorPassHangs: {
    series: one('workqueue_longest_running_processor_seconds', '0+60x30'),
    quiet: '9m',
    fires: '12m',
    says: 'The longest is at work for 12m 0s.',
  },
  LocoOperatorQueueGrows: {
    series: one('workqueue_depth', '0x4 250x30'),
    quiet: '15m',
    fires: '25m',
    says: '250 wait in the queue.',
  },
  LocoOperatorRequestsFail: {
    series: [...requests('200', '0+6x60'), ...requests('503', '0+1x60'), ...requests('<error>', '0+1x60')],
    quiet: '10m',
    fires: '30m',
    says: '25% of them did in the last 10 minutes, by its own fault or on the way to it.',
  },
  LocoOperatorForbidden: { series: requests('403', '0+1x60'), quiet: '10m', fires: '30m' },
  LocoOperatorSlow: {
    series: one('nodejs_eventloop_lag_p99_seconds', '0.01x4 2x30'),
    quiet: '15m',
    fires: '25m',
    says: 'It comes 2s late to its work. A leader that is late loses its Lease.',
  },
  LocoOperatorCachesBeginAnew: {
    series: of('reflector_lists_total', { name: 'pods' }, '1x10 1+1x120'),
    quiet: '10m',
    fires: '75m',
    labels: { name: 'pods' },
    says: 'That of pods was 60 times in the last hour; each time is a whole list.',
  },
  LocoEmulatorNotReady: {
    series: [
      ...emulators('Ready', 'False', 'MachinesNotReady'),
      ...emulators('Ready', 'False', 'Stopped'),
      ...emulators('Ready', 'False', 'AwaitingDisk'),
    ],
    quiet: '20m',
    fires: '45m',
    labels: { reason: 'MachinesNotReady' },
    says: '3 for the reason MachinesNotReady.',
  },
  LocoEmulatorStalled: {
    series: [...emulators('Stalled', 'True', 'NameTaken'), ...emulators('Stalled', 'False', 'NotStalled')],
    quiet: '8m',
    fires: '20m',
    labels: { reason: 'NameTaken' },
    says: '3 for the reason NameTaken: nothing goes on by itself.',
  },
  LocoEmulatorWithoutDisk: {
    series: [
      ...emulators('DisksReady', 'False', 'DiskFailed'),
      ...emulators('DisksReady', 'False', 'AwaitingDisk'),
      ...emulators('DisksReady', 'False', 'Preparing'),
    ],
    quiet: '10m',
    fires: '25m',
    labels: { reason: 'DiskFailed' },
    says: 'Of 3 Emulators, for the reason DiskFailed.',
  },
  LocoEmulatorDiskNotWritable: {
    series: emulators('DisksWritable', 'False', 'VolumeFull'),
    quiet: '5m',
    fires: '12m',
    labels: { reason: 'VolumeFull' },
    says: 'Of 3 Emulators, for the reason VolumeFull. They go on by themselves when they can.',
  },
  LocoEmulatorUpdateHeld: {
    series: [
      ...emulators('RestartRequired', 'True', 'UpdateHeld'),
      ...emulators('RestartRequired', 'True', 'TemplateChanged'),
    ],
    quiet: '10m',
    fires: '25m',
    says: 'In 3 Emulators a machine does not come back; no other is restarted meanwhile.',
  },
};

describe('the alerts', () => {
  let spec: z.infer<typeof specSchema>;
  beforeAll(async () => {
    await ensurePromtool();
    spec = await rulesWith();
  });
  const rules = () => spec.groups.flatMap((group) => group.rules);

  it('are off unless asked for', async () => {
    const kinds = (await render()).map(({ kind }) => kind);
    for (const kind of ['PrometheusRule', 'ServiceMonitor']) expect(kinds).not.toContain(kind);
  });

  it('are what Prometheus takes, without a word of complaint', async () => {
    const result = await promtoolCheck(['rules', '--lint=all', '--lint-fatal'], JSON.stringify(spec));
    expect(result.all).toContain(`SUCCESS: ${rules().length} rules found`);
    expect(result.exitCode).toBe(0);
  });

  it('have a case each below', () => {
    expect(rules().map(({ alert }) => alert)).toEqual(Object.keys(CASES));
  });

  it.each(Object.entries(CASES))('%s fires when its trouble lasts, and not before', async (alertname, given) => {
    const rule = rules().find(({ alert }) => alert === alertname);
    if (rule === undefined) throw new Error(`no alert ${alertname}`);
    const expected = {
      exp_labels: { ...rule.labels, ...given.labels },
      exp_annotations: { ...rule.annotations, description: given.says ?? rule.annotations.description },
    };
    const found = await promtoolTest(spec, [
      {
        name: alertname,
        input_series: given.series,
        alert_rule_test: [
          { eval_time: given.quiet, alertname, exp_alerts: [] },
          { eval_time: given.fires, alertname, exp_alerts: [expected] },
        ],
      },
    ]);
    expect(found).toBe('');
  });

  it('are silent while all is well, also about the pods of another release', async () => {
    const elsewhere = leads('1x120', '1x120').map(({ series, values }) => ({
      series: series.replace('namespace="machines"', 'namespace="elsewhere"'),
      values,
    }));
    const found = await promtoolTest(spec, [
      {
        name: 'all is well',
        input_series: [
          ...elsewhere,
          ...leads('1x120', '0x120'),
          ...one('controller_runtime_reconcile_errors_total', '0+1x120'),
          ...of('controller_runtime_reconcile_total', { controller: 'emulator', result: 'success' }, '0+20x120'),
          ...one('controller_runtime_reconcile_panics_total', '0x120'),
          ...one('workqueue_depth', '5x120'),
          ...one('workqueue_longest_running_processor_seconds', '1x120'),
          ...one('nodejs_eventloop_lag_p99_seconds', '0.02x120'),
          ...requests('200', '0+60x120'),
          ...requests('409', '0+1x120'),
          ...of('reflector_lists_total', { name: 'pods' }, '1x120', '1x120'),
          ...emulators('Ready', 'True', 'MachinesReady', '5x120'),
          ...emulators('Ready', 'False', 'Stopped', '2x120'),
          ...emulators('Stalled', 'False', 'NotStalled', '7x120'),
          ...emulators('DisksReady', 'True', 'DisksPrepared', '7x120'),
          ...emulators('DisksWritable', 'Unknown', 'NoMachineRuns', '2x120'),
          ...emulators('RestartRequired', 'True', 'TemplateChanged', '1x120'),
        ],
        alert_rule_test: rules().map(({ alert }) => ({ eval_time: '110m', alertname: alert, exp_alerts: [] })),
      },
    ]);
    expect(found).toBe('');
  });

  it('can be left out one by one, by a name that exists', async () => {
    const left = await rulesWith('monitoring.prometheusRule.disabled=["LocoEmulatorNotReady"]');
    expect(left.groups.flatMap((group) => group.rules.map(({ alert }) => alert))).toEqual(
      Object.keys(CASES).filter((name) => name !== 'LocoEmulatorNotReady'),
    );
    expect(await refusal(enabled, 'monitoring.prometheusRule.disabled=["LocoNotReady"]')).toContain(
      'names the alert "LocoNotReady", which doesn\'t exist. There are: LocoOperatorAbsent, ',
    );
  });

  it('carry the labels that a Prometheus chooses by, and point to the runbook that is given', async () => {
    const manifests = await render(
      enabled,
      'monitoring.prometheusRule.labels={"release":"prometheus"}',
      'monitoring.prometheusRule.runbookUrl="https://wiki.example.com/loco"',
    );
    const rule = only(manifests, 'PrometheusRule');
    expect(rule.metadata).toHaveProperty('labels.release', 'prometheus');
    expect(JSON.stringify(rule)).toContain('https://wiki.example.com/loco#locooperatorabsent');
  });
});
