import { agentReportSchema } from '../../contract/agent-report.ts';
import { INIT_CONTAINER, MAIN_CONTAINER } from '../../contract/pod.ts';
import type { ContainerEnd, ContainerStatus, PodObject } from './cluster-object.ts';
import { ANNOTATIONS, ordinalOf } from './names.ts';
import type { ObservedPod, PodTrouble } from './observed.ts';

/** A pod as decisions see it; undefined for one that is no machine of this Emulator. */
export function observePod(pod: PodObject, emulator: string): ObservedPod | undefined {
  const { metadata, status } = pod;
  const ordinal = ordinalOf(metadata.name, emulator);
  if (ordinal === undefined || metadata.uid === undefined) return undefined;
  const containers = ownContainers(pod);
  return {
    name: metadata.name,
    uid: metadata.uid,
    resourceVersion: metadata.resourceVersion ?? '',
    ordinal,
    ip: status?.podIP,
    running: containers.some(({ state }) => state?.running !== undefined),
    mounted: isTrue(pod, 'PodReadyToStartContainers') || containers.some(hasBegun),
    scheduledAt: scheduledAt(pod),
    ready: isTrue(pod, 'Ready'),
    downSince: downSince(pod),
    deleting: metadata.deletionTimestamp !== undefined,
    deletedAt: metadata.deletionTimestamp === undefined ? undefined : new Date(metadata.deletionTimestamp),
    revision: metadata.labels?.['controller-revision-hash'],
    createdAt: new Date(metadata.creationTimestamp ?? 0),
    planHash: metadata.annotations?.[ANNOTATIONS.planHash],
    accessToldAt: metadata.annotations?.[ANNOTATIONS.registryAccessAt],
    obstacle: obstacle(pod, containers),
    lastEnd: lastEnd(containers),
    restarts: containers.reduce((sum, { restartCount }) => sum + (restartCount ?? 0), 0),
  };
}

function isTrue({ status }: PodObject, condition: string): boolean {
  return status?.conditions?.some(({ type, status: value }) => type === condition && value === 'True') ?? false;
}

function hasBegun({ state, lastState }: ContainerStatus): boolean {
  return (state?.running ?? state?.terminated ?? lastState?.terminated) !== undefined;
}

function downSince({ metadata, status }: PodObject): Date | undefined {
  const ready = status?.conditions?.find(({ type }) => type === 'Ready');
  if (ready?.status === 'True') return undefined;
  return new Date(ready?.lastTransitionTime ?? metadata.creationTimestamp ?? 0);
}

function scheduledAt({ status }: PodObject): Date | undefined {
  const scheduled = status?.conditions?.find(({ type }) => type === 'PodScheduled');
  if (scheduled?.status !== 'True' || scheduled.lastTransitionTime === undefined) return undefined;
  return new Date(scheduled.lastTransitionTime);
}

/** The machine's containers; what others inject into the pod is theirs. */
function ownContainers({ status }: PodObject): ContainerStatus[] {
  const all = [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])];
  return all.filter(({ name }) => name === INIT_CONTAINER || name === MAIN_CONTAINER);
}

/** States that every pod passes through; nothing stands in its way there. */
const USUAL = ['PodInitializing', 'ContainerCreating'];

/** Why a pod doesn't run, as the scheduler or kubelet says it. */
function obstacle({ status }: PodObject, containers: readonly ContainerStatus[]): PodTrouble | undefined {
  if (status?.phase === 'Failed') {
    const reason = status.reason ?? 'PodFailed';
    return {
      reason,
      message: `${reason}: ${status.message?.trim() ?? 'the pod failed'} (Another pod takes its place.)`,
    };
  }
  const scheduled = status?.conditions?.find(({ type }) => type === 'PodScheduled');
  // Of a pod that runs a scheduler says so too, when it comes back after an outage and hears of the node last.
  if (scheduled?.status === 'False' && !containers.some(hasBegun)) {
    const reason = scheduled.reason ?? 'Unschedulable';
    return { reason, message: `${reason}: ${scheduled.message ?? ''}` };
  }
  return containers.map(containerObstacle).find((trouble) => trouble !== undefined);
}

function containerObstacle({ name, state, lastState }: ContainerStatus): PodTrouble | undefined {
  const waiting = state?.waiting;
  if (waiting?.reason !== undefined && !USUAL.includes(waiting.reason)) {
    const words = `container ${name}: ${waiting.reason}${waiting.message === undefined ? '' : `: ${waiting.message}`}`;
    const before = lastState?.terminated;
    // What Kubernetes does about it (CrashLoopBackOff) says nothing of what happened.
    if (before === undefined) return { reason: waiting.reason, message: words };
    return { reason: before.reason ?? waiting.reason, message: `${words}. It ${describeEnd(before)}` };
  }
  const ended = state?.terminated;
  if (ended === undefined || ended.exitCode === 0) return undefined;
  return { reason: ended.reason ?? 'Error', message: `container ${name} ${describeEnd(ended)}` };
}

/** How a container that runs again ended before; a regular end is no trouble. */
function lastEnd(containers: readonly ContainerStatus[]): PodTrouble | undefined {
  for (const { name, lastState } of containers) {
    const ended = lastState?.terminated;
    if (ended === undefined || ended.exitCode === 0) continue;
    return { reason: ended.reason ?? 'Error', message: `container ${name} ${describeEnd(ended)}` };
  }
  return undefined;
}

const OUT_OF_MEMORY =
  '. It used more memory than its limit allows: raise spec.pod.resources.limits.memory, or leave it out to have it computed';

function describeEnd({ exitCode, reason = 'Error', message, finishedAt }: ContainerEnd): string {
  const at = finishedAt === undefined ? '' : ` at ${finishedAt}`;
  const advice = reason === 'OOMKilled' ? OUT_OF_MEMORY : '';
  return `ended with exit code ${exitCode ?? 'unknown'} (${reason})${at}${advice}${lastWords(message)}`;
}

const LAST_WORDS = 300;

/** What a container left behind: of our agent the message of its report, of anything else the text itself. */
function lastWords(text: string | undefined): string {
  if (text === undefined || text.trim() === '') return '';
  return `. Its last words: ${(reportMessage(text) ?? text).trim().slice(0, LAST_WORDS)}`;
}

function reportMessage(text: string): string | undefined {
  try {
    return agentReportSchema.safeParse(JSON.parse(text)).data?.message;
  } catch {
    // No JSON: the container runtime's words, or the end of a log.
    return undefined;
  }
}
