import { z } from 'zod';

/**
 * Every reason that a machine gives, in its report, its log and its commands' answers, with a sentence for people. The
 * words are stable: conditions, events and scripts rely on them. docs/reference/reasons.md is made from this.
 */
export const REASONS = {
  disk: {
    DiskAppeared: 'Somebody put a disk on the volume while another was prepared; it is looked at instead.',
    DiskChanged: 'The disk that was to be published was written to meanwhile.',
    DiskChanging: 'Somebody still writes to the disk on the volume; it is judged half a minute after the last write.',
    DiskCheckFailed: 'The disk could not be checked, which says nothing about it; it is tried again.',
    DiskCorrupt: "The disk's tables are damaged, as qemu-img check or QEMU itself found.",
    DiskDirty: 'QEMU did not close the image, so it must be repaired before it is published.',
    DiskEncrypted: 'The image is encrypted; a machine takes only one that is not.',
    DiskFeatureUnknown: 'The image uses a feature of qcow2 that is not known here.',
    DiskHasBackingFile: 'The image is an overlay and needs another file; it must be made whole first.',
    DiskHasExternalData: 'The image keeps its data in another file; it must be made whole first.',
    DiskHeaderInvalid: "The image's header or tables make no sense: the file is damaged or cut.",
    DiskInUse: 'A machine has the disk open.',
    DiskNotAFile: 'What lies where the disk should be is no regular file.',
    DiskNotQcow2: 'The file is no qcow2 image; the message says what it is, and how to convert it.',
    DiskPresent: 'The machine has a disk already, which an import never replaces.',
    DiskShrunk: 'The disk has fewer bytes for the guest than when it was prepared.',
    DiskTooLarge: 'The disk has more than 127 GiB for the guest, where Windows 98 and its IDE disk end.',
    DiskTooManyClusters: 'The image has more clusters than can be checked in the memory of a machine.',
    DiskTruncated: 'The file was cut: it ends before what its tables refer to.',
    DiskUnreadable: 'The file can not be read.',
    RecordFromNewerRelease: "The disk's record was written by a newer release; the disk is left alone.",
    StagedDiskChanged: 'The disk changed while it was checked, before it was in place; it is made again.',
  },
  volume: {
    DiskGone: 'The disk of a running machine was removed or replaced.',
    DiskIOError:
      'The volume failed under a running machine; its guest is paused and goes on when the volume works again.',
    NoSpace: 'The volume has no room for what is to be written; the message has the numbers.',
    RecordNotWritten: 'What became of the machine could not be written to its volume.',
    VolumeFailed: 'The volume can not be worked with, for a reason that only its message tells.',
    VolumeFull: 'The volume is full under a running machine; its guest is paused and goes on when there is room.',
    VolumeInUse: 'Another process has the volume; the message names it.',
    VolumeNotWritable: 'The volume can not be written to: read-only, or of another group.',
    VolumeTooSmall: 'The guest could fill its disk to more than its Ephemeral volume may hold.',
    VolumeWithoutLocks: 'The file system has no working locks, so two machines could write to one disk.',
  },
  source: {
    BuiltinDiskChanged: 'The built-in disk has another length than when the copy began.',
    BuiltinDiskMissing: 'The image has no built-in disk at the path of disk.builtinPath.',
    BuiltinDiskUnreadable: 'The built-in disk could not be read to its end.',
    ImportInterrupted: 'The import ended before its disk was whole; nothing was changed.',
    ImportLost: 'The file that was imported is not there as it was handed in.',
    ImportNeeded: 'The machine waits for a disk that a person brings; the message has the line to paste.',
    ImportNotPossible: 'A machine of this storage mode and disk.source takes no import.',
    ImportRunning: 'Another import is running.',
    ImportWaiting: 'Another import is about to become the disk.',
    NoDiskSource: 'None of the sources has a disk; the message tells of each.',
    NoInput: 'No disk stands on standard input.',
    SnapshotFailed: 'The snapshot could not be used, for a reason that only its message tells.',
    SnapshotNotPlanned: 'No snapshot is named.',
    SnapshotNotResolved: 'The operator has not found out yet which digest the snapshot has.',
  },
  registry: {
    NoDiskInSnapshot: 'There is no disk in what the reference names; the message lists what is in it.',
    RegistryAccessDenied: 'The registry knows who asks, and forbids it.',
    RegistryAuthFailed: 'The registry wants other credentials.',
    RegistryCertificateNotTrusted: "The registry's certificate is signed by nobody who is trusted here.",
    RegistryFailed: 'The registry answered with an error of its own.',
    RegistryThrottled: 'The registry is asked too often and wants to be left alone for a while.',
    RegistryUnreachable: 'The registry does not answer.',
    SeveralDisksInSnapshot: 'There are several disks in what the reference names; disk.snapshot.path must choose one.',
    SnapshotDigestMismatch: 'What was fetched is not what its digest says.',
    SnapshotInvalid: 'The manifest of the snapshot or its content can not be understood.',
    SnapshotNotFound: 'The registry has no such repository, tag or digest.',
    SnapshotReferenceInvalid: 'The reference of the snapshot is not one.',
  },
  guest: {
    Booting: 'The guest has not shown its screen yet.',
    GuestPaused: 'QEMU holds the guest, and not because of its disk.',
    GuestPoweredOff: 'The guest switched itself off.',
    NotBootable: 'The firmware found nothing to boot on the disk.',
    OutOfMemory: 'The node ended QEMU because the machine went over its memory limit.',
    ProcessorUnknown:
      "QEMU does not say where the guest's processor is, so its last disk access could not be repeated.",
    QEMUNotResponding: 'QEMU runs and does not answer.',
    QEMUStartFailed: 'QEMU could not be started; the message has its last words.',
    ScreenBlank: 'The screen is of one colour.',
    ScreenUnknown: 'The screen could not be looked at.',
    TextMode: 'The screen has stayed in text mode: ScanDisk, or a failure to boot.',
    VNCNotAnswering: 'Nobody could look at the screen: the VNC server does not answer.',
  },
  settings: {
    EnvironmentInvalid: "The pod's environment can not be used; the message names each variable.",
    KVMNotAvailable: 'KVM was asked for and is not there.',
    MachineTypeUnknown: "This QEMU does not know the machine's type.",
    PlanInvalid: "The operator's plan for the disk is not understood.",
    PlanUnreadable: "The operator's plan for the disk is not there.",
    TimeZoneUnknown: "Nobody knows the machine's time zone.",
    VNCPasswordInvalid: 'The VNC password is empty, too long or not there.',
    VNCPasswordNotWritten: 'A VNC password was made and could not be kept.',
  },
  command: {
    AgentNotReachable: 'No agent answers in this container.',
    AgentRefused: 'The agent refused what it was asked for.',
    ControlRequestInvalid: 'What the agent was asked for is not understood.',
    GDBRefused: "QEMU's debugger refused what it was asked for.",
    GDBTimeout: "QEMU's debugger did not answer in time.",
    GDBUnreachable: "QEMU's debugger can not be reached.",
    NoGuest: 'No guest runs at the moment.',
    QMPAnswerUnexpected: 'QEMU answered something that is not understood.',
    QMPClosed: 'QEMU ended while it was asked.',
    QMPCommandFailed: 'QEMU refused what it was asked for.',
    QMPTimeout: 'QEMU did not answer in time.',
    QMPUnreachable: "QEMU's monitor can not be reached.",
    ScreendumpInvalid: "QEMU's picture of the screen is not one.",
    SerialUnreachable: "The guest's serial port can not be reached.",
  },
} as const;

type Reasons = typeof REASONS;

/** A word for what stands in the way of a machine, or of somebody who asks it for something. */
export type Reason = { [Group in keyof Reasons]: keyof Reasons[Group] }[keyof Reasons];

const words = Object.values(REASONS).flatMap((group) => Object.keys(group)) as [Reason, ...Reason[]];

export const reasonSchema = z.enum(words);
