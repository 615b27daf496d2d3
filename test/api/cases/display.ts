import { emulator, type Json } from '../support/manifest.ts';
import type { RuleCase } from '../support/rule-case.ts';

const access = (...entries: Json[]) => ({
  create: emulator({ storage: { mode: 'Persistent' }, display: { access: entries } }),
});
const network = (cidr: string, ...except: string[]) => access({ ipBlock: { cidr, except } });

const everyone: Json = { matchLabels: {} };
const NO_NETWORKS = ['', '10.0.0.1', '10.0.0.0/33', '10.0.0/24', 'example.org/24', 'fd00::/129'];

export const displayCases: readonly RuleCase[] = [
  {
    path: 'spec.display.access[]',
    says: 'each entry of display.access needs either ipBlock',
    refused: [access({}), access({ ipBlock: { cidr: '10.0.0.0/8' }, podSelector: everyone })],
    allowed: [
      access(),
      access({ podSelector: everyone }),
      access(
        { namespaceSelector: { matchLabels: { team: 'a' } }, podSelector: everyone },
        { namespaceSelector: everyone },
      ),
      access({ ipBlock: { cidr: '10.0.0.0/8' } }, { podSelector: everyone }),
    ],
  },
  {
    path: 'spec.display.access[].ipBlock.cidr',
    says: 'must be a network',
    refused: NO_NETWORKS.map((cidr) => network(cidr)),
    allowed: ['0.0.0.0/0', '192.168.1.7/32', 'fd00::/8', '::/0'].map((cidr) => network(cidr)),
  },
  {
    path: 'spec.display.access[].ipBlock.except[]',
    says: 'must be a network',
    refused: NO_NETWORKS.map((part) => network('10.0.0.0/8', part)),
    allowed: [network('10.0.0.0/8', '10.1.0.0/16'), network('fd00::/8', 'fd00:1::/32')],
  },
  {
    path: 'spec.display.access[].ipBlock',
    says: 'display.access: each network of ipBlock.except must be a smaller part',
    refused: [
      network('10.0.0.0/8', '11.0.0.0/16'),
      network('10.0.0.0/8', '10.1.0.0/16', '10.0.0.0/8'),
      network('10.0.0.0/8', 'fd00::/16'),
    ],
    allowed: [network('10.0.0.0/8', '10.0.0.0/9', '10.255.255.255/32')],
  },
];
