import type { V1Pod } from '@kubernetes/client-node';
import type { Emulator, MachineStatus } from '../../src/api/emulator/schema.ts';
import { step } from '../console.ts';
import { EMULATORS, type EmulatorName, podOf } from './machines.ts';
import type { DemoView } from './view.ts';

/** Pod UIDs by Emulator, of pods that are on their way out. */
export type FormerPods = ReadonlyMap<EmulatorName, string>;

const POLL_MS = 500;

/** Says that it still waits when nothing has changed for so long. */
const QUIET_MS = 15_000;

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}

/** Where a machine is, in a line for people. */
export function machineLine(machine: MachineStatus | undefined): string {
  if (machine === undefined) return 'waits for its pod';
  const { progress } = machine;
  if (progress === undefined) return `${machine.phase}: ${machine.message}`;
  const total = progress.totalBytes === undefined ? '' : ` of ${megabytes(progress.totalBytes)}`;
  return `${machine.phase}: ${progress.step.toLowerCase()}, ${megabytes(progress.doneBytes)}${total} MB`;
}

function hasCondition(conditions: readonly { type: string; status: string }[] | undefined, type: string): boolean {
  return conditions?.some((condition) => condition.type === type && condition.status === 'True') ?? false;
}

/** True when the Emulator says it is ready, and says it of a pod that isn't one of the former. */
function isUp(emulator: Emulator, pod: V1Pod | undefined, former: string | undefined): boolean {
  return (
    pod?.metadata?.uid !== undefined &&
    pod.metadata.uid !== former &&
    pod.metadata.deletionTimestamp === undefined &&
    hasCondition(pod.status?.conditions, 'Ready') &&
    emulator.status?.observedGeneration === emulator.metadata.generation &&
    hasCondition(emulator.status?.conditions, 'Ready')
  );
}

/** What to say of a machine now; nothing when the status still speaks of a former pod. */
function progressLine(
  up: boolean,
  uid: string | undefined,
  former: string | undefined,
  machine: MachineStatus | undefined,
): string | undefined {
  if (up) return 'Ready: QEMU runs behind a screen that answers; the guest boots';
  if (uid !== undefined && uid === former) return 'its pod is going: the guest shuts down';
  return machine?.ready ? undefined : machineLine(machine);
}

/**
 * Shows how the machines come up, a line for each change, until all are up.
 * @param limitMs gives up after this many milliseconds
 * @returns the Emulators that weren't up in time
 */
export async function followUntilUp(
  view: DemoView,
  former: FormerPods,
  limitMs: number,
): Promise<readonly EmulatorName[]> {
  const shown = new Map<EmulatorName, string>();
  const deadline = performance.now() + limitMs;
  let quietSince = performance.now();
  for (;;) {
    const [emulators, pods] = await Promise.all([view.emulators(), view.pods()]);
    const waiting: EmulatorName[] = [];
    for (const name of EMULATORS) {
      const emulator = emulators.find((candidate) => candidate.metadata.name === name);
      const pod = pods.find((candidate) => candidate.metadata?.name === podOf(name));
      const up = emulator !== undefined && isUp(emulator, pod, former.get(name));
      if (!up) waiting.push(name);
      const line = progressLine(up, pod?.metadata?.uid, former.get(name), emulator?.status?.machines?.[0]);
      if (line !== undefined && shown.get(name) !== line) {
        step(`  ${podOf(name).padEnd(13)} ${line}`);
        shown.set(name, line);
        quietSince = performance.now();
      }
    }
    if (performance.now() - quietSince > QUIET_MS) {
      step(`  … still waiting for ${waiting.map(podOf).join(', ')}`);
      quietSince = performance.now();
    }
    if (waiting.length === 0 || performance.now() > deadline) return waiting;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}
