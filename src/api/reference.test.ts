import { expect, it } from 'vitest';
import { z } from 'zod';
import { renderReference } from './reference.ts';
import { rules } from './rule.ts';

it('renders a table of fields and the sentences of what is refused', () => {
  const inner = z
    .object({
      mode: z.enum(['A', 'B']).meta({ description: 'Which | one.' }),
      names: z.array(z.string()).default(['a']),
    })
    .meta({ description: 'The rest.', ...rules({ rule: 'false', message: 'never: choose another' }) });
  const page = renderReference({
    kind: 'Thing',
    plural: 'things',
    singular: 'thing',
    shortNames: ['th'],
    description: 'A thing.',
    spec: z.object({ inner }),
    status: z.object({ seen: z.record(z.string(), z.int()).optional() }),
    rules: [{ rule: 'false', message: 'no name: choose one' }],
    columns: [],
  });
  expect(page.split('\n').filter((line) => /^[|-] /.test(line))).toEqual([
    '| field | type | default | |',
    '| --- | --- | --- | --- |',
    '| `spec.inner` | object | required | The rest. |',
    '| `spec.inner.mode` | `A`, `B` | required | Which \\| one. |',
    '| `spec.inner.names` | list of string | `["a"]` |  |',
    '- no name: choose one',
    '- never: choose another',
    '| field | type | default | |',
    '| --- | --- | --- | --- |',
    '| `status.seen` | map of integer |  |  |',
  ]);
});
