import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { ensureTools } from '../../scripts/tools.ts';

/** A series as `promtool test rules` takes it: values a minute apart. */
export interface Series {
  readonly series: string;
  readonly values: string;
}

/** What is asked of the series and of the alerts that they make. */
export interface PromtoolTest {
  readonly name: string;
  readonly input_series: readonly Series[];
  readonly alert_rule_test?: readonly {
    readonly eval_time: string;
    readonly alertname: string;
    readonly exp_alerts: readonly { readonly exp_labels: object; readonly exp_annotations?: object }[];
  }[];
  readonly promql_expr_test?: readonly {
    readonly expr: string;
    readonly eval_time: string;
    readonly exp_samples: readonly { readonly labels: string; readonly value: number }[];
  }[];
}

/** Builds it where it isn't, which takes minutes: before a test, whose time is shorter. */
export const ensurePromtool = () => ensureTools(['promtool']);

/** What promtool says of a file of rules or metrics: `check` and what follows it. */
export async function promtoolCheck(args: readonly string[], input: string) {
  const { promtool } = await ensurePromtool();
  return execa(promtool, ['check', ...args], { input, reject: false, all: true });
}

/** Lets promtool evaluate rules and queries over series. Resolves with what it found wrong; empty: nothing. */
export async function promtoolTest(rules: object | undefined, tests: readonly PromtoolTest[]): Promise<string> {
  const { promtool } = await ensurePromtool();
  const folder = await mkdtemp(join(tmpdir(), 'loco-promtool-'));
  try {
    const file = join(folder, 'test.json');
    if (rules !== undefined) await writeFile(join(folder, 'rules.json'), JSON.stringify(rules));
    const all = tests.map((test) => ({ interval: '1m', ...test }));
    const content = { rule_files: rules === undefined ? [] : ['rules.json'], evaluation_interval: '1m', tests: all };
    await writeFile(file, JSON.stringify(content));
    const result = await execa(promtool, ['test', 'rules', file], { reject: false, all: true });
    return result.exitCode === 0 ? '' : result.all;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
