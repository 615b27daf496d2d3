import path from 'node:path';
import type { Entry, NodeId } from './operation.ts';

/** The folders of a volume, and which file or folder stands under each of their names. */
export class NameSpace {
  readonly root: NodeId;
  readonly #folders = new Map<NodeId, Map<string, NodeId>>();

  constructor(root: NodeId) {
    this.root = root;
    this.#folders.set(root, new Map());
  }

  addFolder(node: NodeId): void {
    if (!this.#folders.has(node)) this.#folders.set(node, new Map());
  }

  isFolder(node: NodeId): boolean {
    return this.#folders.has(node);
  }

  at({ folder, name }: Entry): NodeId | undefined {
    return this.#folders.get(folder)?.get(name);
  }

  set({ folder, name }: Entry, node: NodeId): void {
    this.#folders.get(folder)?.set(name, node);
  }

  delete({ folder, name }: Entry): void {
    this.#folders.get(folder)?.delete(name);
  }

  /** The entry for a path relative to the root; undefined when its folder isn't there. */
  entry(relative: string): Entry | undefined {
    const parent = path.dirname(relative);
    const folder = parent === '.' ? this.root : this.find(parent);
    return folder === undefined ? undefined : { folder, name: path.basename(relative) };
  }

  /** The file or folder at a path relative to the root, which is the empty text. */
  find(relative: string): NodeId | undefined {
    if (relative === '') return this.root;
    const entry = this.entry(relative);
    return entry === undefined ? undefined : this.at(entry);
  }

  /** All that can be reached, parents before their children. */
  *walk(folder: NodeId = this.root, prefix = ''): Generator<{ readonly path: string; readonly node: NodeId }> {
    for (const [name, node] of this.#folders.get(folder) ?? []) {
      const relative = path.join(prefix, name);
      yield { path: relative, node };
      if (this.isFolder(node)) yield* this.walk(node, relative);
    }
  }
}
