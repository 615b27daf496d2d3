import { join } from 'node:path';
import { execa } from 'execa';
import { parseAllDocuments } from 'yaml';
import { z } from 'zod';
import { projectFolder } from '../../scripts/folders.ts';
import { ensureTools } from '../../scripts/tools.ts';

export const chartFolder = join(projectFolder, 'helm/loco-operator');

const manifestSchema = z.looseObject({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: z.looseObject({ name: z.string() }),
});

export type Manifest = z.infer<typeof manifestSchema>;

/** Runs helm; its output and exit code, whatever that is. */
export async function helm(...args: string[]) {
  const { helm: binary } = await ensureTools(['helm']);
  return execa(binary, args, { reject: false, all: true });
}

/**
 * What `helm template` makes of the settings (`--set-json` pairs), in the namespace `machines`: what belongs to the
 * release, without its hooks.
 */
export function render(...settings: string[]): Promise<Manifest[]> {
  return manifests(settings, '--no-hooks');
}

/** What Helm makes before an upgrade and removes after it. */
export async function renderHooks(...settings: string[]): Promise<Manifest[]> {
  const all = await manifests(settings, '--is-upgrade');
  return all.filter(
    ({ metadata }) => z.object({ 'helm.sh/hook': z.string() }).safeParse(metadata['annotations']).success,
  );
}

async function manifests(settings: readonly string[], ...flags: string[]): Promise<Manifest[]> {
  const result = await template(settings, flags);
  if (result.exitCode !== 0) throw new Error(result.all);
  return parseAllDocuments(result.stdout)
    .map((document) => document.toJS() as unknown)
    .filter((value) => value !== null)
    .map((value) => manifestSchema.parse(value));
}

/** Helm's refusal of the settings, for people. */
export async function refusal(...settings: string[]): Promise<string> {
  const result = await template(settings);
  if (result.exitCode === 0) throw new Error(`the chart accepts ${settings.join(' ')}`);
  return result.all;
}

function template(settings: readonly string[], more: readonly string[] = []) {
  const flags = settings.flatMap((setting) => ['--set-json', setting]);
  return helm('template', 'loco', chartFolder, '--namespace', 'machines', ...more, ...flags);
}

/** The one manifest of this kind. */
export function only(manifests: readonly Manifest[], kind: string): Manifest {
  const found = manifests.filter((manifest) => manifest.kind === kind);
  const [first] = found;
  if (first === undefined || found.length > 1) throw new Error(`${found.length} manifests of kind ${kind}, not one`);
  return first;
}
