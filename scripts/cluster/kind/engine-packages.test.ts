import { expect, test } from 'vitest';
import { candidatesOf } from './engine-packages.ts';

const policy = (...candidates: string[]) =>
  candidates
    .map((version, at) => `package${at}:\n  Installed: (none)\n  Candidate: ${version}\n  Version table:\n`)
    .join('');

test('the versions to download are those that apt would install', () => {
  expect(candidatesOf(policy('20.10', '1.6~ds1-1+deb12u3'), 2)).toEqual(['20.10', '1.6~ds1-1+deb12u3']);
});

test.each([
  { what: 'a package that apt has never heard of', text: policy('20.10') },
  { what: 'a package without a version to install', text: policy('20.10', '(none)') },
])('$what makes the list of versions incomplete', ({ text }) => {
  expect(candidatesOf(text, 2)).toBeUndefined();
});
