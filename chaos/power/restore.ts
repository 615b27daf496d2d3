import { createHash } from 'node:crypto';
import { link, mkdir, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { type FileFacts, inodeNumber, type VolumeFiles, volumeFiles } from '../../src/agent/disk/volume-files.ts';
import type { Identity, NodeId, Recording } from './operation.ts';
import type { Survivors } from './survival.ts';

/** Far from every number that a file system gives: a new file must not look like one from before the power cut. */
const NEW_FILES = 2 ** 40;

/** A text that is the same for the same tree. */
export function fingerprint({ names, contents }: Survivors): string {
  const hash = createHash('sha256');
  const entries = [...names.walk()].map(({ path: name, node }) => ({ name, node }));
  for (const { name, node } of entries.sort((one, other) => (one.name < other.name ? -1 : 1))) {
    hash.update(`${name}\0${node}\0`).update(contents.get(node) ?? '');
  }
  return hash.digest('hex');
}

/**
 * Writes what survived into an empty folder.
 * @returns a view of its files with the inodes and times that they had before: records name them
 */
export async function restore(
  recording: Recording,
  { names, contents }: Survivors,
  folder: string,
  after: number,
): Promise<VolumeFiles> {
  const known = new Map<string, { readonly node: NodeId; readonly modifiedTime: string }>();
  const written = new Map<NodeId, string>();
  for (const { path: name, node } of names.walk()) {
    const target = path.join(folder, name);
    const other = written.get(node);
    if (names.isFolder(node)) {
      await mkdir(target, { recursive: true });
    } else if (other !== undefined) {
      await link(other, target);
    } else {
      await writeFile(target, contents.get(node) ?? '');
      written.set(node, target);
      known.set(await keyOf(target), { node, modifiedTime: `${(await stat(target, { bigint: true })).mtimeNs}` });
    }
  }
  return {
    ...volumeFiles,
    facts: async (name) => {
      const facts = await volumeFiles.facts(name);
      if (facts === undefined) return undefined;
      const file = known.get(await keyOf(name));
      const identity = file === undefined ? undefined : toldBefore(recording, file.node, after);
      if (file === undefined || identity === undefined) return { ...facts, inode: facts.inode + NEW_FILES };
      return asBefore(facts, identity, facts.modifiedTime === file.modifiedTime);
    },
  };
}

/** The newest that was told of a file until then: its time changes with its content. */
function toldBefore({ identities }: Recording, node: NodeId, after: number): Identity | undefined {
  const told = identities.get(node) ?? [];
  return told.findLast((identity) => identity.after <= after) ?? told[0];
}

/** A file that was made since may have the inode of one that was removed since, but not its time as well. */
async function keyOf(name: string): Promise<string> {
  const { ino, birthtimeNs } = await stat(name, { bigint: true });
  return `${ino} ${birthtimeNs}`;
}

function asBefore(facts: FileFacts, identity: Identity, unchanged: boolean): FileFacts {
  const { birthTime = facts.birthTime, modifiedTime = facts.modifiedTime } = identity;
  return {
    ...facts,
    inode: inodeNumber(identity.inode),
    ...(birthTime === undefined ? {} : { birthTime }),
    modifiedTime: unchanged ? modifiedTime : facts.modifiedTime,
  };
}
