import type { FormCase } from '../support/rule-case.ts';

/** Rules about the form of a text that stand at several fields; those of single fields are beside that field's cases. */
export const formCases: readonly FormCase[] = [
  {
    says: 'must be the name of',
    refused: ['', 'Capital', 'with space', '-begins', 'ends.', 'under_score', 'two..dots'],
    allowed: ['a', '0', 'a-b.c-d', 'a.0'],
  },
  {
    says: 'must be empty or the name of',
    refused: ['Capital', 'with space', '-begins', 'ends.', 'under_score'],
    allowed: ['', 'a', 'a-b.c-d'],
  },
  {
    says: 'must be a key of a Secret or ConfigMap',
    refused: ['', 'with space', 'sla/sh'],
    allowed: ['a', '.dockerconfigjson', 'Under_score-1'],
  },
  {
    says: "must be a label's value",
    refused: ['-begins', 'ends.', 'with space', 'sla/sh'],
    allowed: ['', 'a', 'A-b_c.0'],
  },
  {
    says: 'must be an amount, not below zero',
    refused: ['', 'much', '1 Gi', '1GB', -1, '-1m'],
    allowed: ['0', 0, 2, '2', '500m', '1.5Gi', '1e3'],
  },
  {
    says: 'must be the absolute path of a file',
    refused: ['', 'relative.qcow2', '/', '/folder/', '/with space', '//double'],
    allowed: ['/a', '/folder/Disk_1.qcow2'],
  },
  {
    says: 'must be a number of bytes with a unit',
    refused: ['', '-1Gi', '4 Gi', '4GB', '4gi', '4.Gi', '1e9', '100m'],
    allowed: ['256Mi', '0.25Gi', '268435456', '262144Ki', '300M', '300000k'],
  },
];
