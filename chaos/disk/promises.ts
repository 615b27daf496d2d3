/** What a process says that holds from now on, whatever happens; each is a folder's name (the order's marks). */
export const PROMISES = {
  /** An import's disk was taken: its person isn't asked again. */
  handed: 'handed',
  /** The disk is ready; its record's id follows. */
  ready: 'ready.',
  /** The record says that the guest runs, and on what hardware. */
  running: 'running',
  /** From here on the record may say either. */
  stopping: 'stopping',
  /** The record says that the guest shut down. */
  stopped: 'stopped',
} as const;

/** What a machine gets at its first start. */
export const HARDWARE = { machineType: 'pc-i440fx-7.2', macAddress: '52:54:00:12:34:56' } as const;
