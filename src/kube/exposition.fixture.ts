/** A family of metrics as a scrape shows it. */
export interface Family {
  readonly type: string;
  readonly samples: readonly Sample[];
}

export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const NAME = '[a-zA-Z_:][a-zA-Z0-9_:]*';
const SAMPLE = new RegExp(`^(${NAME})(?:\\{(.*)\\})? (\\S+)$`);
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(,|$)/y;
const HEADER = new RegExp(`^# (HELP|TYPE) (${NAME}) (.*)$`);
const TYPES = ['counter', 'gauge', 'histogram', 'summary'];

/**
 * Reads Prometheus' text format (version 0.0.4) and takes nothing that the format doesn't allow: every family has one
 * HELP and one TYPE before its samples and stands in one piece, no series comes twice, histograms are whole.
 * @throws Error that names the line
 */
export function parseExposition(text: string): Map<string, Family> {
  const families = new Map<string, { type: string; samples: Sample[] }>();
  const helped = new Set<string>();
  const seen = new Set<string>();
  let current = '';
  if (!text.endsWith('\n')) throw new Error('the last line has no end');
  for (const line of text.split('\n').filter((each) => each !== '')) {
    const [, keyword, name = '', rest = ''] = HEADER.exec(line) ?? [];
    if (keyword === 'HELP') {
      if (helped.has(name)) throw new Error(`a second HELP: ${line}`);
      helped.add(name);
    } else if (keyword === 'TYPE') {
      if (!TYPES.includes(rest) || families.has(name) || !helped.has(name)) throw new Error(`a wrong TYPE: ${line}`);
      families.set(name, { type: rest, samples: [] });
      current = name;
    } else {
      const sample = parseSample(line);
      const family = families.get(current);
      if (family === undefined || !belongs(sample.name, current, family.type)) throw new Error(`no family: ${line}`);
      const series = `${sample.name} ${JSON.stringify(Object.entries(sample.labels).sort())}`;
      if (seen.has(series)) throw new Error(`a second time: ${line}`);
      seen.add(series);
      family.samples.push(sample);
    }
  }
  for (const [name, { type, samples }] of families) if (type === 'histogram') checkHistogram(name, samples);
  return families;
}

function parseSample(line: string): Sample {
  const [, name = '', labelText = '', valueText = ''] = SAMPLE.exec(line) ?? [];
  const value = valueText === '+Inf' ? Number.POSITIVE_INFINITY : Number(valueText);
  if (name === '' || (Number.isNaN(value) && valueText !== 'NaN')) throw new Error(`no sample: ${line}`);
  const labels: Record<string, string> = {};
  let at = 0;
  while (at < labelText.length) {
    LABEL.lastIndex = at;
    const [all, label = '', text = ''] = LABEL.exec(labelText) ?? [];
    if (all === undefined || label in labels) throw new Error(`wrong labels: ${line}`);
    labels[label] = text;
    at += all.length;
  }
  return { name, labels, value };
}

function belongs(name: string, family: string, type: string): boolean {
  if (type === 'histogram') return ['_bucket', '_sum', '_count'].some((suffix) => name === family + suffix);
  return name === family || (type === 'summary' && [`${family}_sum`, `${family}_count`].includes(name));
}

function checkHistogram(name: string, samples: readonly Sample[]): void {
  const groups = Map.groupBy(samples, ({ labels: { le: _, ...labels } }) =>
    JSON.stringify(Object.entries(labels).sort()),
  );
  for (const [labels, group] of groups) {
    const buckets = group.filter((sample) => sample.name === `${name}_bucket`);
    const bounds = buckets.map(({ labels: { le = '' } }) => (le === '+Inf' ? Number.POSITIVE_INFINITY : Number(le)));
    const count = group.find((sample) => sample.name === `${name}_count`)?.value;
    const grow = (values: readonly number[]) =>
      values.every((value, at) => at === 0 || value >= (values[at - 1] ?? value));
    const whole = bounds.at(-1) === Number.POSITIVE_INFINITY && buckets.at(-1)?.value === count;
    if (!whole || !grow(bounds) || !grow(buckets.map(({ value }) => value)))
      throw new Error(`no histogram: ${name}${labels}`);
  }
}
