import { expect, test } from 'vitest';
import { parseReference } from './reference.ts';

const digest = `sha256:${'a'.repeat(64)}`;

test.each([
  [
    'ghcr.io/mroie/qemu-snapshots:win98-base',
    { registry: 'ghcr.io', repository: 'mroie/qemu-snapshots', tag: 'win98-base' },
  ],
  [`localhost:5000/a@${digest}`, { registry: 'localhost:5000', repository: 'a', digest }],
  [`10.0.0.1:5000/a/b:t@${digest}`, { registry: '10.0.0.1:5000', repository: 'a/b', tag: 't', digest }],
])('%s', (text, value) => {
  expect(parseReference(text)).toEqual({ ok: true, value });
});

test.each([
  'win98',
  'ghcr.io/mroie/x',
  'ghcr.io/Upper/x:y',
  '/x:y',
  'r/x:',
  'r/x@sha256:abc',
  'r/x:y z',
  '--output=/x/y:z',
  `r/x:y@md5:${'a'.repeat(32)}`,
])('%s is refused', (text) => {
  expect(parseReference(text)).toMatchObject({ ok: false, failure: { reason: 'SnapshotReferenceInvalid' } });
});
