import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { projectFolder } from '../../../scripts/folders.ts';
import type { Entry } from './audit-log.ts';

/** Requests by kind of object, such as `emulators/status`, and their sum as `all`. */
export type Writes = Readonly<Record<string, number>>;

const WRITES = ['create', 'update', 'patch', 'delete'];

/** What an operator wrote in this namespace; of events and Secrets no name tells which Emulator they belong to. */
export function writesIn(namespace: string, requests: readonly Entry[]): Writes {
  const writes = requests.filter(({ verb, objectRef }) => WRITES.includes(verb) && objectRef?.namespace === namespace);
  const counts: Record<string, number> = { all: writes.length };
  for (const { objectRef } of writes) {
    const { resource = '', subresource } = objectRef ?? {};
    const kind = subresource === undefined ? resource : `${resource}/${subresource}`;
    counts[kind] = (counts[kind] ?? 0) + 1;
  }
  return counts;
}

/** Requests in this namespace that read a single object or a list, and aren't how a cache is filled. */
export function readsIn(namespace: string, requests: readonly Entry[]): Entry[] {
  return requests.filter(({ verb, objectRef }) => ['get', 'list'].includes(verb) && objectRef?.namespace === namespace);
}

/** The budget as docs/reference/api-writes.md has it, in the column of this name. */
export async function readBudget(column: string): Promise<Writes> {
  const text = await readFile(path.join(projectFolder, 'docs/reference/api-writes.md'), 'utf8');
  const rows = text
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
  const at = rows.find((cells) => cells.includes(column))?.indexOf(column);
  if (at === undefined) throw new Error(`docs/reference/api-writes.md has no column ${column}`);
  const budget = rows
    .filter(([kind]) => kind?.startsWith('`'))
    .map((cells): [string, number] => [cells[0]?.replaceAll('`', '') ?? '', Number(cells[at])]);
  return Object.fromEntries(budget);
}

/** The budget of a start that took so long: one status more for each ten seconds, as the page has it. */
export function withSteps(budget: Writes, seconds: number): Writes {
  const more = Math.floor(seconds / 10);
  const of = (kind: string): number => (budget[kind] ?? 0) + more;
  return { ...budget, 'emulators/status': of('emulators/status'), all: of('all') };
}

/** Kinds of which more was written than the budget allows, and what it doesn't know at all. */
export function beyond(budget: Writes, writes: Writes): Writes {
  return Object.fromEntries(Object.entries(writes).filter(([kind, count]) => count > (budget[kind] ?? 0)));
}
