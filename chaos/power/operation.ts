/** A file or folder, whatever its names are. */
export type NodeId = number;

/** A name in a folder. */
export interface Entry {
  readonly folder: NodeId;
  readonly name: string;
}

/** What a process did to a volume, one thing that a power cut may take or leave. */
export type Operation =
  /** Also a second name of a file. */
  | { readonly kind: 'Make'; readonly at: Entry; readonly node: NodeId; readonly type: 'File' | 'Folder' }
  | { readonly kind: 'Remove'; readonly at: Entry }
  | { readonly kind: 'Move'; readonly from: Entry; readonly at: Entry; readonly node: NodeId }
  | { readonly kind: 'Write'; readonly node: NodeId; readonly offset: number; readonly bytes: Buffer }
  | { readonly kind: 'Resize'; readonly node: NodeId; readonly sizeBytes: number }
  | Sync
  /** A promise that the process gave at this moment. */
  | { readonly kind: 'Mark'; readonly name: string };

/** Makes durable what was done before it began: a file's content, a folder's names, or (no node) everything. */
export interface Sync {
  readonly kind: 'Sync';
  readonly node: NodeId | undefined;
  /** How many operations had ended when it began. */
  readonly covers: number;
  /** For people: what is synced, with `*` for what differs from run to run, and the how manieth time. */
  readonly name: string;
}

/** A file or folder as it was before, with the numbers that a process saw. */
export interface InitialNode {
  readonly node: NodeId;
  readonly path: string;
  readonly type: 'File' | 'Folder';
  readonly content: Buffer;
}

export interface Recording {
  readonly root: NodeId;
  /** Parents before their children; all of it is durable. */
  readonly initial: readonly InitialNode[];
  readonly operations: readonly Operation[];
  /** What `stat` told the process of its files. */
  readonly identities: ReadonlyMap<NodeId, readonly Identity[]>;
}

/** What a file system says to tell a file from others. */
export interface Identity {
  /** How many operations had ended when it was told. */
  readonly after: number;
  readonly inode: bigint;
  /** Nanoseconds since 1970, in decimal. */
  readonly birthTime?: string;
  readonly modifiedTime?: string;
}
