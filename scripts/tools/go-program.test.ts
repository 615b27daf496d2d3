import { expect, test } from 'vitest';
import { parseGoVersion } from './go-program.ts';

test.each([
  ['go version go1.26.8 linux/amd64', [1, 26]],
  ['go version go1.21 linux/arm64', [1, 21]],
  ['gcc (Debian 12.2.0-14) 12.2.0', undefined],
])('reads the version in "%s"', (output, expected) => {
  expect(parseGoVersion(output)).toEqual(expected);
});
