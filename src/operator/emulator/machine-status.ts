import type { Emulator, MachineStatus } from '../../api/emulator/schema.ts';
import { INIT_CONTAINER } from '../../contract/pod.ts';
import { knownDisk } from './disks/adopt.ts';
import { claimNameFor } from './disks/claim.ts';
import { childNames } from './names.ts';
import type { MachineContact, Observed, ObservedPod } from './observed.ts';
import { progressText } from './progress-text.ts';
import { shorten } from './shorten.ts';

/** The most machines that the status lists. */
const MAX_MACHINES = 100;
/** Characters of a report's message that are shown; of so many machines the status must still fit into an object. */
const LONGEST_REPORTED = 4_096;

/**
 * Each machine as it is now, by ordinal: those that are wanted, and those whose pods are still there.
 *
 * What is said of a disk is what a machine reported of its own: by its agent now, or, when it doesn't run, as it stands
 * on the disk's own claim. An Ephemeral disk is gone with its pod, and so is what was said of it. After a restart of
 * the operator a machine counts as it was until its agent has answered, or is silent for so long that it counts as lost.
 */
export function machineStatuses(observed: Observed): MachineStatus[] {
  const { replicas } = observed.emulator.spec;
  const ordinals = new Set([...Array(replicas).keys(), ...observed.pods.map(({ ordinal }) => ordinal)]);
  return [...ordinals]
    .sort((left, right) => left - right)
    .slice(0, MAX_MACHINES)
    .map((ordinal) => machineStatus(observed, ordinal));
}

function machineStatus(observed: Observed, ordinal: number): MachineStatus {
  const { emulator } = observed;
  const pod = observed.pods.find((candidate) => candidate.ordinal === ordinal);
  const contact = pod === undefined ? undefined : observed.contacts.get(pod.uid);
  const previous = emulator.status?.machines?.find((machine) => machine.ordinal === ordinal);
  // What Kubernetes says is known without the agent.
  if (pod !== undefined && pod.obstacle === undefined && previous !== undefined && contact?.state === 'Settling') {
    const phase = phaseOf(emulator, pod, previous.phase);
    return { ...previous, phase, ready: previous.ready && isReady(pod, contact) };
  }
  const report = contact?.report;
  const disk = diskOf(observed, ordinal, contact);
  const reason = pod?.obstacle?.reason ?? report?.reason;
  return {
    ordinal,
    pod: childNames.pod(emulator.metadata.name, ordinal),
    phase: phaseOf(emulator, pod, report?.phase),
    ...(reason === undefined ? {} : { reason }),
    ready: isReady(pod, contact),
    ...(disk === undefined ? {} : { disk }),
    ...(report?.progress === undefined ? {} : { progress: defined(report.progress) }),
    ...(pod === undefined || pod.restarts === 0 ? {} : { restarts: pod.restarts }),
    message: messageOf(emulator, pod, contact, disk !== undefined),
  };
}

/** Phases in which a machine has no disk that it may use, whatever is known of an earlier one. */
const WITHOUT_DISK = ['AwaitingDisk', 'AwaitingSnapshot', 'DiskFailed'];

/** Has this machine no verified disk? */
export function lacksDisk({ disk, phase }: MachineStatus): boolean {
  return disk === undefined || WITHOUT_DISK.includes(phase);
}

function diskOf(observed: Observed, ordinal: number, contact: MachineContact | undefined): MachineStatus['disk'] {
  const { metadata, spec } = observed.emulator;
  const claimName = claimNameFor(metadata.name, spec, ordinal);
  const claim = observed.claims.find(({ name }) => name === claimName);
  const owned = claim?.emulator === metadata.name ? claim.disk : undefined;
  const disk = knownDisk(owned, contact?.report);
  if (disk === undefined) return undefined;
  return { ...defined(disk), confirmed: contact?.report?.disk !== undefined && contact.state !== 'Lost' };
}

/**
 * Kubelet's word: it asks the agent's `/readyz` itself, and it is what the Service and the StatefulSet go by. That the
 * machine isn't ready the agent says sooner: kubelet believes it after a few failed probes. Of a machine that has
 * just come its agent is heard first; only of one that can't be heard, kubelet's word is all there is.
 */
function isReady(pod: ObservedPod | undefined, contact: MachineContact | undefined): boolean {
  if (pod?.ready !== true || pod.deleting || contact?.state === 'Connecting') return false;
  return contact?.report?.ready !== false;
}

/** `said`: the phase that the agent told last, if it did. */
function phaseOf(emulator: Emulator, pod: ObservedPod | undefined, said: string | undefined): string {
  if (pod === undefined) return emulator.spec.powerState === 'Stopped' ? 'Stopped' : 'Pending';
  if (pod.deleting && said !== 'Stopped') return 'Stopping';
  if (pod.obstacle !== undefined) return 'Pending';
  return said ?? 'Pending';
}

function messageOf(
  emulator: Emulator,
  pod: ObservedPod | undefined,
  contact: MachineContact | undefined,
  knowsDisk: boolean,
): string {
  if (pod === undefined) {
    const earlier = knowsDisk ? '. Of its disk it is known what it last reported, not what is on its volume now' : '';
    const stopped = emulator.spec.powerState === 'Stopped';
    return `${stopped ? 'Stopped, as spec.powerState asks' : 'The pod is not there yet'}${earlier}`;
  }
  if (pod.obstacle !== undefined) return pod.obstacle.message;
  const restarted = pod.lastEnd === undefined ? '' : ` (Started again: ${pod.lastEnd.message})`;
  return `${saidBy(emulator, pod, contact)}${restarted}`;
}

function saidBy(emulator: Emulator, pod: ObservedPod, contact: MachineContact | undefined): string {
  const report = contact?.report;
  if (report === undefined) {
    return contact?.state === 'Lost' ? 'The agent in the pod does not answer' : 'The pod is starting';
  }
  const told = shorten(report.message, LONGEST_REPORTED);
  const words = report.phase === 'AwaitingDisk' ? withImportLine(emulator, pod, told) : told;
  const message = report.progress === undefined ? words : `${progressText(report.progress)}. ${words}`;
  if (contact?.state !== 'Lost') return message;
  return `${message} (the agent is silent since ${contact.since.toISOString()})`;
}

/** The line to paste for an import; a person reads it in the status, the event and the condition. */
function importLine(namespace: string, pod: string): string {
  return `kubectl exec -i -n ${namespace} ${pod} -c ${INIT_CONTAINER} -- loco-agent import < win98.qcow2`;
}

function withImportLine(emulator: Emulator, pod: ObservedPod, message: string): string {
  const line = importLine(emulator.metadata.namespace, pod.name);
  return message.includes(line) ? message : `${message} Import one with: ${line}`;
}

/** The same with what is optional there. */
type Defined<T> = { [K in keyof T]: Exclude<T[K], undefined> };

/** Without the keys that are there with the value undefined, which comparing with the stored status would trip over. */
function defined<T extends object>(value: T): Defined<T> {
  return Object.fromEntries(Object.entries(value).filter(([, part]) => part !== undefined)) as Defined<T>;
}
