import type { Logger } from 'pino';
import type { AgentEnvironment, AgentPaths, Clock } from '../environment.ts';
import type { ReportState } from '../report-state.ts';
import type { QemuEndpoints } from './qemu-arguments.ts';
import type { Qemu } from './qemu-process.ts';

/** What stays the same over all lives of a machine. */
export interface Machine {
  readonly environment: AgentEnvironment;
  readonly paths: AgentPaths;
  readonly endpoints: QemuEndpoints;
  /** QEMU's system emulator for 32-bit x86: a name in PATH or a path. */
  readonly qemuProgram: string;
  readonly kvmDevice: string;
  /** Where the kernel counts processes that it killed for the container's memory limit; the first that is there. */
  readonly memoryKillCounters: readonly string[];
  /** Where a VNC password is made and kept when none is mounted; absent in a pod, whose operator makes one. */
  readonly ownVncPassword?: string;
  readonly reserve: Reserve;
  readonly report: ReportState;
  readonly clock: Clock;
  readonly log: Logger;
  /** Told which QEMU runs now, for control actions. */
  readonly onQemu: (qemu: Qemu | undefined) => void;
}

/** Ballast on the disk's volume, for a guest that must shut down on a full one. Neither function fails. */
export interface Reserve {
  /** Gives its room back. */
  readonly release: () => Promise<void>;
  /** Makes it again as far as there is room. */
  readonly refill: () => Promise<void>;
}
