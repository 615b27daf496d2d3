import { GROUP } from '../../../src/api/group.ts';
import { emulator, type Json } from '../support/manifest.ts';
import type { RuleCase } from '../support/rule-case.ts';

const pod = (settings: Json) => ({ create: emulator({ storage: { mode: 'Persistent' }, pod: settings }) });
const memory = (request: string, limit: string) =>
  pod({ resources: { requests: { memory: request }, limits: { memory: limit } } });

const maxUnavailable = (...values: unknown[]) => values.map((value) => pod({ maxUnavailable: value }));

export const podCases: readonly RuleCase[] = [
  {
    path: 'spec.pod.maxUnavailable',
    says: 'must be a number of machines from 0 to 100',
    refused: maxUnavailable(-1, 101, '1', '-1%', '101%', 'half', '', '1 %'),
    allowed: maxUnavailable(0, 1, 100, '0%', '50%', '100%'),
  },
  {
    path: 'spec.pod.labels',
    says: 'must not set app.kubernetes.io/name',
    refused: ['name', 'instance', 'managed-by'].map((name) => pod({ labels: { [`app.kubernetes.io/${name}`]: 'x' } })),
    allowed: [pod({ labels: { 'app.kubernetes.io/part-of': 'school', team: 'a' } })],
  },
  {
    path: 'spec.pod.annotations',
    says: `must not set annotations that begin with ${GROUP}/`,
    refused: [pod({ annotations: { [`${GROUP}/plan-hash`]: 'x' } })],
    allowed: [pod({ annotations: { [`x.${GROUP}/plan-hash`]: 'x', note: 'x' } })],
  },
  {
    path: 'spec.pod.resources',
    says: "a machine's memory is set aside for it in full",
    refused: [memory('1Gi', '2Gi'), memory('1025Mi', '1Gi')],
    allowed: [
      memory('1Gi', '1024Mi'),
      pod({ resources: { limits: { memory: '1Gi' } } }),
      pod({ resources: { requests: { memory: '1Gi' } } }),
      pod({ resources: { requests: { cpu: '1' }, limits: { memory: '1Gi' } } }),
      pod({ resources: {} }),
    ],
  },
];
