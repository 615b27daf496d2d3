/** Types of the conditions in an Emulator's status. */
export const CONDITIONS = {
  /** The one summary: every machine that is wanted runs behind a reachable screen. False/Stopped while stopped. */
  Ready: 'Ready',
  /** The operator or a machine is at work and expects to get on by itself (kstatus). */
  Reconciling: 'Reconciling',
  /** Nothing goes on until somebody changes something (kstatus). */
  Stalled: 'Stalled',
  /** Every machine has a verified disk. */
  DisksReady: 'DisksReady',
  /** The snapshot's reference was resolved to a digest and pinned. Only with `spec.disk.snapshot`. */
  SnapshotResolved: 'SnapshotResolved',
  /** A running machine has an older pod than the spec asks for; `update` says whether the operator restarts it. */
  RestartRequired: 'RestartRequired',
  /** Every machine that runs can write to its disk; Unknown while none runs. */
  DisksWritable: 'DisksWritable',
  /** Every volume is as large as `storage.size` asks for. Only where the Emulator has PVCs of its own. */
  VolumesResized: 'VolumesResized',
} as const;

/** Reasons of conditions and events, besides those of the agents' reports and of `src/oci`. */
export const REASONS = {
  /** All machines are ready. */
  MachinesReady: 'MachinesReady',
  /** Some machine isn't ready yet; the message says which and why. */
  MachinesNotReady: 'MachinesNotReady',
  /** `replicas` is 0: no machine is wanted, none is missing. */
  NoMachinesWanted: 'NoMachinesWanted',
  /** `powerState` is Stopped and no machine runs. */
  Stopped: 'Stopped',
  /** `powerState` is Stopped and a guest is still shutting down. */
  Stopping: 'Stopping',
  /** Everything is as wanted. */
  UpToDate: 'UpToDate',
  /** Objects or machines are on their way to what is wanted. */
  Progressing: 'Progressing',
  /** Nothing is in the way. */
  NotStalled: 'NotStalled',
  /** The resource can't be understood; the API server's validation should have refused it. */
  InvalidSpec: 'InvalidSpec',
  /** The memory limit given for the pods is smaller than guest, translation buffer and overhead. */
  MemoryLimitTooSmall: 'MemoryLimitTooSmall',
  /** An object that the Emulator needs is there under its name and belongs to somebody else. */
  NameTaken: 'NameTaken',
  /** Objects of a deleted Emulator of the same name are still being removed. */
  PredecessorLeaving: 'PredecessorLeaving',
  /** A claim that a machine would use is annotated for another Emulator. */
  ClaimOfAnotherEmulator: 'ClaimOfAnotherEmulator',
  /** The API server refused a write, or could not be asked; the message has its words. It is tried again. */
  ApplyFailed: 'ApplyFailed',
  /** The PVC that `storage.existingClaim` names doesn't exist. */
  ClaimNotFound: 'ClaimNotFound',
  /** A machine waits for a disk that somebody has to import. */
  AwaitingDisk: 'AwaitingDisk',
  /** A machine waits until the snapshot's reference is resolved. */
  AwaitingSnapshot: 'AwaitingSnapshot',
  /** A machine tried every source it may use and got no disk; it goes on trying. */
  DiskFailed: 'DiskFailed',
  /** A machine is making its disk, or hasn't said yet that it has one. */
  Preparing: 'Preparing',
  /** No machine runs, so that none writes. */
  NoMachineRuns: 'NoMachineRuns',
  /** A machine's agent hasn't answered yet, and only it knows whether a guest runs and can write. */
  AwaitingReport: 'AwaitingReport',
  /** Every machine has reported its disk. */
  DisksPrepared: 'DisksPrepared',
  /** The snapshot's digest is pinned. */
  Resolved: 'Resolved',
  /** The registry is being asked for the snapshot's digest. */
  Resolving: 'Resolving',
  /** The registry isn't asked: something stands in the Emulator's way, or it is Unmanaged. */
  NotResolving: 'NotResolving',
  /** A digest is pinned, and the registry is being asked for what the tag is now, as the user wants. */
  ResolvingAnew: 'ResolvingAnew',
  /** A change of the spec reached the pod template and not yet the pod. */
  TemplateChanged: 'TemplateChanged',
  /** With `update: Rolling`, machines are restarted one at a time for a changed pod template. */
  Updating: 'Updating',
  /** With `update: Rolling`, a machine doesn't come back, and no other is restarted. */
  UpdateHeld: 'UpdateHeld',
  /** The API server refuses to let a PVC grow; the message has its words. It is tried again. */
  ExpansionRefused: 'ExpansionRefused',
  /** A PVC was asked to grow, and its volume hasn't yet. */
  Expanding: 'Expanding',
  /** Event: a machine has a new disk. */
  DiskPrepared: 'DiskPrepared',
  /** Event: a damaged disk was put aside on its volume, and another took its place (`onCorruption: Reprovision`). */
  DiskQuarantined: 'DiskQuarantined',
  /** Event: a volume has another disk than before, and nothing that we did explains it. */
  DiskReplaced: 'DiskReplaced',
  /** Event: a volume has no disk any more. */
  DiskMissing: 'DiskMissing',
  /** Event: a machine's container was ended, and was started again. */
  MachineRestarted: 'MachineRestarted',
  /** Event: the guest switched itself off, and stays off (`onGuestPowerOff: Stay`). */
  GuestPoweredOff: 'GuestPoweredOff',
  /** Event: Kubernetes ended a machine's pod, to have its node's resources for others or for what it used itself. */
  MachineEvicted: 'MachineEvicted',
  /** Event: a machine became ready. */
  MachineReady: 'MachineReady',
  /** Event: a machine is restarted for a changed pod template, as `update: Rolling` asks. */
  MachineUpdated: 'MachineUpdated',
  /** Event: a guest was shut down, and how. */
  MachineStopped: 'MachineStopped',
  /** Event: a scale-down deleted a machine's claim, as `whenScaled: Delete` asks. */
  ClaimDeleted: 'ClaimDeleted',
} as const;
