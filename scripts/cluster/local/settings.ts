import { randomBytes } from 'node:crypto';
import { readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { z } from 'zod';
import { UserError } from '../../console.ts';
import { DEFAULT_KUBERNETES, KUBERNETES_VERSIONS, type KubernetesMinor } from '../../tools.ts';
import {
  freeIndices,
  INDICES,
  kindClustersFolder,
  type Layout,
  localClustersFolder,
  simulatedClustersFolder,
} from './layout.ts';

const minors = Object.keys(KUBERNETES_VERSIONS) as KubernetesMinor[];

const settingsSchema = z.object({
  /** Decides every address; see layout.ts. */
  index: z.number().int().min(INDICES.first).max(INDICES.last),
  /** Minor version that it was made with. */
  kubernetes: z.enum(minors).default(DEFAULT_KUBERNETES),
  registry: z.object({ username: z.string(), password: z.string(), secret: z.string() }),
});

/** What a cluster chose for itself when it was first made. */
export type Settings = z.infer<typeof settingsSchema>;

/** Held by whoever changes the cluster. */
export const lockName = (layout: Layout): string => `loco-operator-${layout.controlGroup}`;

const missing = (error: unknown) => (error as NodeJS.ErrnoException).code === 'ENOENT';

/** The cluster's settings, or undefined where there is no such cluster. */
export async function readSettings(layout: Layout): Promise<Settings | undefined> {
  try {
    return settingsSchema.parse(JSON.parse(await readFile(layout.settings, 'utf8')));
  } catch (error) {
    if (missing(error)) return undefined;
    throw new UserError(
      `${layout.settings} can't be read (${String(error)}). Remove the cluster with "npm run cluster -- down", then start again.`,
    );
  }
}

/** Folders of the clusters that `parent` holds. */
async function clustersIn(parent: string): Promise<readonly string[]> {
  try {
    return (await readdir(parent)).map((name) => join(parent, name));
  } catch (error) {
    if (missing(error)) return [];
    throw error;
  }
}

/** Indices of this user's other clusters, up or not. */
async function otherIndices(layout: Layout): Promise<readonly number[]> {
  const folders = await Promise.all([localClustersFolder, simulatedClustersFolder, kindClustersFolder].map(clustersIn));
  const found: number[] = [];
  for (const folder of folders.flat().filter((path) => path !== layout.root)) {
    const settings = await readFile(join(folder, 'cluster.json'), 'utf8').catch(() => undefined);
    const parsed = settings === undefined ? undefined : settingsSchema.safeParse(JSON.parse(settings));
    if (parsed?.success) found.push(parsed.data.index);
  }
  return found;
}

/** Chooses addresses that no route of this machine and no other cluster uses, and a registry password. */
export async function chooseSettings(
  layout: Layout,
  kubernetes: KubernetesMinor = DEFAULT_KUBERNETES,
): Promise<Settings> {
  const table = await execa('ip', ['-4', '-o', 'route', 'show', 'table', 'all']);
  const routes = table.stdout
    .split('\n')
    .map((line) => line.replace(/^(local|broadcast|unreachable) /, '').split(' ')[0] ?? '');
  const others = await otherIndices(layout);
  const index = freeIndices(routes).find((candidate) => !others.includes(candidate));
  if (index === undefined) {
    throw new UserError(
      `No network from 10.${INDICES.first}.0.0/16 to 10.${INDICES.last}.0.0/16 is free on this machine. Take a cluster down ("npm run cluster -- down"), or give a cluster with LOCO_KUBECONFIG.`,
    );
  }
  const settings: Settings = {
    index,
    kubernetes,
    registry: {
      username: 'loco',
      password: randomBytes(12).toString('hex'),
      secret: randomBytes(16).toString('hex'),
    },
  };
  await writeFile(`${layout.settings}.next`, `${JSON.stringify(settings, undefined, 2)}\n`, { mode: 0o600 });
  await rename(`${layout.settings}.next`, layout.settings);
  return settings;
}
