import type { MachinePhase } from '../../contract/agent-report.ts';
import type { MachineSettings } from '../../contract/machine-settings.ts';
import { mebibytes } from '../disk/space.ts';
import type { Failure } from '../failure.ts';
import type { Screen } from './screen.ts';
import type { VolumeLook } from './volume-look.ts';

/** Everything that readiness is decided from, read at one moment. */
export interface Facts {
  /** QEMU's run state (`query-status`), or undefined when it doesn't answer. */
  readonly runState: string | undefined;
  /** The last error of the disk since QEMU was last running. */
  readonly diskError: DiskError | undefined;
  readonly volume: VolumeLook;
  readonly answersRfb: boolean;
  /** Undefined when QEMU couldn't make a picture. */
  readonly screen: Screen | undefined;
  /** The lines of a text screen; empty in graphics. */
  readonly screenText: readonly string[];
  /** Bytes that the guest read from its drives since it was last reset. */
  readonly readBytes: number;
  readonly secondsSinceReset: number;
  /** Whether the screen has come up since the guest was last reset. It may go dark or change its mode later. */
  readonly cameUp: boolean;
}

export interface DiskError {
  readonly noSpace: boolean;
  /** `read` or `write`. */
  readonly operation: string;
}

/** What the facts come to, for the report. */
export interface Verdict {
  readonly phase: Extract<MachinePhase, 'Running' | 'Paused'>;
  readonly ready: boolean;
  readonly reason: string | undefined;
  readonly message: string;
}

/**
 * The BIOS alone reads one sector, however bootable the disk: what it finds there runs, or it says that there is no
 * boot sector. A boot program that read this much has found its system.
 */
const BOOTED_READ_BYTES = 64 * 1024;

/** From here on a text screen under `readiness.screen: Graphics` is no longer taken for a part of booting. */
const TEXT_MODE_SECONDS = 60;

const MEBIBYTE = 1024 ** 2;

const BIOS_FOUND_NOTHING = /No bootable device|not a bootable disk|could not read the boot disk/;

const READY: Verdict = {
  phase: 'Running',
  ready: true,
  reason: undefined,
  message: 'The guest runs and its screen has come up.',
};

/** Decides from facts alone; the first check that has something to say wins. */
export function judge(facts: Facts, wanted: MachineSettings['readinessScreen']): Verdict {
  // Does QEMU itself live?
  if (facts.runState === undefined) {
    return notReady('Running', 'QEMUNotResponding', "QEMU doesn't answer its monitor.");
  }
  // Is the guest paused, and by what?
  if (facts.runState !== 'running') {
    return judgePause(facts.runState, facts);
  }
  // Does it still write to the disk that the volume has?
  const lost = judgeVolume(facts.volume);
  if (lost !== undefined) {
    return { phase: 'Running', ready: false, ...lost };
  }
  // Can anybody see it?
  if (!facts.answersRfb) {
    return notReady('Running', 'VNCNotAnswering', "The guest runs, but its VNC server doesn't answer.");
  }
  // Has it shown what it must show once already?
  if (facts.cameUp) {
    return READY;
  }
  return judgeScreen(facts, wanted);
}

function judgePause(runState: string, { diskError, volume }: Facts): Verdict {
  if (diskError === undefined && runState !== 'io-error') {
    return notReady('Paused', 'GuestPaused', `The guest doesn't run (QEMU says: ${runState}).`);
  }
  return { phase: 'Paused', ready: false, ...diskFailure(diskError, volume) };
}

/** Why the disk of a paused guest can't be used, and what to do. The guest runs on by itself when that is done. */
function diskFailure(diskError: DiskError | undefined, volume: VolumeLook): Failure {
  const { space } = volume;
  if (isFull(diskError, volume)) {
    const figures =
      space === undefined
        ? ''
        : ` (${Math.floor(space.freeBytes / MEBIBYTE)} MiB of ${mebibytes(space.totalBytes)} MiB are free)`;
    return {
      reason: 'VolumeFull',
      message: `The guest is paused: its volume is full${figures}. Make the volume larger (storage.size) or remove other files from it; the guest then goes on by itself, nothing is lost.`,
    };
  }
  const lost = judgeVolume(volume);
  if (lost !== undefined) {
    return { reason: lost.reason, message: `The guest is paused. ${lost.message}` };
  }
  const operation = diskError?.operation ?? 'access';
  return {
    reason: 'DiskIOError',
    message: `The guest is paused: a ${operation} of its disk failed on the volume. Look at the node's log and at the storage behind the volume; the guest goes on by itself when it works again.`,
  };
}

/** Of a volume with a quota, QEMU hears another error than that it is full. */
export function isFull(diskError: DiskError | undefined, { space }: VolumeLook): boolean {
  return diskError?.noSpace === true || (diskError !== undefined && space !== undefined && space.freeBytes < MEBIBYTE);
}

function judgeVolume(volume: VolumeLook): Failure | undefined {
  if (volume.disk === 'Gone') {
    return {
      reason: 'DiskGone',
      message:
        "The disk's file was removed from the volume or replaced. QEMU still has the old one, which is lost for good when the machine stops: copy what matters out of the guest first.",
    };
  }
  if (volume.readOnly) {
    return {
      reason: 'VolumeNotWritable',
      message:
        "The volume has become read-only, as file systems do after an error of the device below. Look at the node's log; the guest goes on by itself when the volume can be written again, or delete the pod to have it mounted anew.",
    };
  }
  return undefined;
}

function judgeScreen(facts: Facts, wanted: MachineSettings['readinessScreen']): Verdict {
  const { screen, screenText } = facts;
  // Does anything run at all? A picture alone proves nothing: the BIOS has one of an empty disk too.
  if (screenText.some((line) => BIOS_FOUND_NOTHING.test(line))) {
    return notReady('Running', 'NotBootable', `The disk has no boot sector.${seen(screenText)}`);
  }
  if (facts.readBytes < BOOTED_READ_BYTES) {
    return notReady('Running', 'Booting', `The guest has not read its system from the disk yet.${seen(screenText)}`);
  }
  // Is there a picture?
  if (screen === undefined) {
    return notReady('Running', 'ScreenUnknown', 'The guest runs; QEMU gave no picture of its screen.');
  }
  if (screen.oneColour) {
    return notReady('Running', 'ScreenBlank', 'The guest runs; its screen has one colour.');
  }
  // Is it the one that is waited for?
  if (wanted === 'Any' || screen.mode === 'Graphics') {
    return READY;
  }
  if (screen.mode === 'Text' && facts.secondsSinceReset >= TEXT_MODE_SECONDS) {
    const message = `The guest stopped in text mode (ScanDisk or boot failure?).${seen(screenText)}`;
    return notReady('Running', 'TextMode', message);
  }
  return notReady('Running', 'Booting', `The guest boots (${screen.width}x${screen.height}).${seen(screenText)}`);
}

function notReady(phase: Verdict['phase'], reason: string, message: string): Verdict {
  return { phase, ready: false, reason, message };
}

/**
 * What BIOS, boot programs, DOS, Windows 98 and Linux say when they get stuck or repair. Nothing else on the screen
 * goes into a report: it is the guest's own business, and reports are read by people who don't know its password.
 */
const TELLING =
  /boot|no operating system|operating system not found|missing operating|system disk|partition table|disk error|scandisk|himem|vfat|protection error|while initializing|press any key|command interpreter|kernel panic/i;

function seen(lines: readonly string[]): string {
  const line = lines.filter((each) => TELLING.test(each)).at(-1);
  return line === undefined ? '' : ` The screen says: ${JSON.stringify(line.trim().slice(0, 200))}`;
}
