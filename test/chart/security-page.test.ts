import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { z } from 'zod';
import { projectFolder } from '../../scripts/folders.ts';
import { render } from './render.ts';

const roleSchema = z.looseObject({
  kind: z.enum(['ClusterRole', 'Role']),
  rules: z.array(
    z.strictObject({ apiGroups: z.array(z.string()), resources: z.array(z.string()), verbs: z.array(z.string()) }),
  ),
});

it("docs/security.md lists each of the operator's rights, and no other", async () => {
  const page = await readFile(join(projectFolder, 'docs/security.md'), 'utf8');
  const documented = [...page.matchAll(/^\| `([\w./]+)` +\| ([a-z, ]+?) +\|/gm)].map(([, what, verbs]) => [
    what,
    verbs,
  ]);
  const granted = (await render())
    .map((manifest) => roleSchema.safeParse(manifest))
    .flatMap((parsed) => (parsed.success ? parsed.data.rules : []))
    .flatMap(({ apiGroups, resources, verbs }) =>
      apiGroups.flatMap((group) =>
        resources.map((resource) => [group === '' ? resource : `${resource}.${group}`, verbs.join(', ')]),
      ),
    );
  expect(Object.fromEntries(documented)).toEqual(Object.fromEntries(granted));
});
