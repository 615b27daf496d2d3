import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { z } from 'zod';
import { projectFolder } from '../../scripts/folders.ts';
import { emulatorSpecSchema } from '../../src/api/emulator/schema.ts';
import { chartFolder, helm } from './render.ts';

const examples = join(chartFolder, 'examples');
const emulatorSchema = z.looseObject({
  kind: z.literal('Emulator'),
  metadata: z.looseObject({ name: z.string() }),
  spec: emulatorSpecSchema,
});

/** Modes of the Emulators that an example makes, by name. */
async function modes(file: string): Promise<Record<string, string>> {
  const rendered = await helm('template', 'loco', chartFolder, '--namespace', 'loco', '--values', join(examples, file));
  expect(rendered.exitCode, rendered.all).toBe(0);
  const emulators = parseAllDocuments(rendered.stdout)
    .map((document) => emulatorSchema.safeParse(document.toJS()))
    .flatMap((parsed) => (parsed.success ? [parsed.data] : []));
  return Object.fromEntries(emulators.map(({ metadata, spec }) => [metadata.name, spec.storage.mode]));
}

const made: Readonly<Record<string, Record<string, string>>> = {
  'persistent.yaml': { win98: 'Persistent' },
  'hybrid.yaml': { win98: 'Hybrid' },
  'ephemeral.yaml': { win98: 'Ephemeral' },
  'ephemeral-builtin.yaml': { win98: 'Ephemeral' },
  'node-folder.yaml': { win98: 'Persistent' },
  'several-emulators.yaml': { teacher: 'Persistent', classroom: 'Hybrid', 'smoke-test': 'Ephemeral' },
  'one-namespace.yaml': { win98: 'Persistent' },
};

describe('the examples', () => {
  it('are those that are looked at here', async () => {
    expect((await readdir(examples)).sort()).toEqual(Object.keys(made).sort());
  });

  it.each(Object.entries(made))('%s makes the Emulators that it speaks of', async (file, expected) => {
    expect(await modes(file)).toEqual(expected);
  });

  // Helm's lint keeps the `null` of the chart's own values, which an installation takes away.
  it.each(Object.keys(made))('%s passes helm lint --strict', async (file) => {
    const linted = await helm('lint', '--strict', chartFolder, '--values', join(examples, file));
    expect(linted.exitCode, linted.all).toBe(0);
  });

  it.each(Object.keys(made))('%s is in the table of docs/install.md, and its first lines install it', async (file) => {
    expect(await readFile(join(projectFolder, 'docs/install.md'), 'utf8')).toContain(
      `[${file}](../helm/loco-operator/examples/${file})`,
    );
    const comment = (await readFile(join(examples, file), 'utf8')).split(/^[^#]/m, 1)[0];
    expect(comment).toMatch(
      new RegExp(`helm install loco ./helm/loco-operator .*-f helm/loco-operator/examples/${file}`),
    );
  });

  it('A, B and C are the settings that values.yaml teaches, word by word', async () => {
    const values = await readFile(join(chartFolder, 'values.yaml'), 'utf8');
    for (const file of ['persistent.yaml', 'hybrid.yaml', 'ephemeral.yaml']) {
      const schema = z.looseObject({
        emulator: z.looseObject({ diskPVC: z.string(), usePrebuiltSnapshot: z.boolean() }),
      });
      const { emulator } = schema.parse(parse(await readFile(join(examples, file), 'utf8')));
      const diskPVC = emulator.diskPVC === '' ? '""' : emulator.diskPVC;
      expect(values).toContain(
        `#        diskPVC: ${diskPVC}\n#        usePrebuiltSnapshot: ${emulator.usePrebuiltSnapshot}\n`,
      );
    }
  });
});
