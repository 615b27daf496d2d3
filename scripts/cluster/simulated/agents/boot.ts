import { createHash } from 'node:crypto';
import type { AgentReport } from '../../../../src/contract/agent-report.ts';

/** What a simulated machine is. */
export interface Machine {
  readonly podUid: string;
  /** What its disk lives and dies with: the claim, or the pod itself where it has none. */
  readonly volume: { readonly uid: string; readonly createdAt: string };
}

interface Stage extends Pick<AgentReport, 'phase' | 'message'> {
  /** Milliseconds after the machine's start from which this is so. */
  readonly from: number;
  readonly reason?: string;
}

/** What a real machine says while it prepares its disk and boots, in about a tenth of the time. */
const STAGES: readonly Stage[] = [
  { from: 0, phase: 'Preparing', message: 'The disk is being prepared.' },
  { from: 150, phase: 'DiskReady', message: 'The disk is ready: built-in disk.' },
  { from: 250, phase: 'Starting', message: 'QEMU is being started.' },
  { from: 350, phase: 'Running', reason: 'Booting', message: 'The guest boots (720x400).' },
  { from: 500, phase: 'Running', message: 'The guest runs and its screen has come up.' },
];

const DISK_BYTES = 8_000_000;

const FIRST: Stage = { from: 0, phase: 'Preparing', message: 'The agent is starting.' };

/** The stage of a machine this long after its start. */
export function stageAt(milliseconds: number): Stage {
  return STAGES.findLast(({ from }) => from <= milliseconds) ?? FIRST;
}

/** The stage after this one; undefined for the last, which lasts. */
export function stageAfter(stage: Stage): Stage | undefined {
  return STAGES[STAGES.indexOf(stage) + 1];
}

function hex(text: string, length: number): string {
  return createHash('sha256').update(text).digest('hex').slice(0, length);
}

/** The disk's own id: the same as long as there is the volume that it lies on. */
function diskId(uid: string): string {
  const digits = hex(uid, 32);
  return [8, 12, 16, 20, 32].map((end, index, ends) => digits.slice(ends[index - 1] ?? 0, end)).join('-');
}

/** What the agent of this machine says at a stage. */
export function reportOf({ podUid, volume }: Machine, stage: Stage): AgentReport {
  const { phase, message, reason } = stage;
  const mac = hex(volume.uid, 6).match(/../g)?.join(':') ?? '';
  const disk = {
    id: diskId(volume.uid),
    origin: 'Builtin' as const,
    digest: `sha256:${hex('built-in disk', 64)}`,
    sizeBytes: DISK_BYTES,
    preparedAt: volume.createdAt,
  };
  const machine = { type: 'pc-i440fx-10.0', macAddress: `52:54:00:${mac}`, qemuVersion: '10.0.0' };
  const progress = { step: 'Copying' as const, doneBytes: 0, totalBytes: DISK_BYTES, percent: 0 };
  return {
    schemaVersion: 1,
    podUid,
    phase,
    message,
    ...(reason === undefined ? {} : { reason }),
    ready: stage === STAGES.at(-1),
    ...(phase === 'Preparing' ? { progress } : { disk }),
    attempts: [],
    ...(phase === 'Running' ? { machine } : {}),
  };
}
