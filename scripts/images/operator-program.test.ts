import { expect, test } from 'vitest';
import { operatorProgram } from './operator-program.ts';

test('what a pod without traces and without a kubeconfig has in memory is one file, and knows of neither', async () => {
  const files = await operatorProgram();
  const main = Buffer.from(files.find(({ name }) => name === 'main.mjs')?.text ?? '').toString();
  const inMain = (word: string) => main.includes(word);
  expect(inMain('caches are filled')).toBe(true);
  for (const word of ['OTLPTraceExporter', 'loadFromFile', 'ExecaError']) {
    expect(inMain(word), word).toBe(false);
    expect(
      files.some(({ text }) => Buffer.from(text).includes(word)),
      word,
    ).toBe(true);
  }
});

test('the same sources make the same files', async () => {
  expect(await operatorProgram()).toEqual(await operatorProgram());
});
