import { type Emulator, emulatorSchema } from '../../api/emulator/schema.ts';
import { API_VERSION } from '../../api/group.ts';
import type { AgentReport, ReportedDisk } from '../../contract/agent-report.ts';
import type { MachineContact, Observed, ObservedClaim, ObservedPod } from './observed.ts';

/** Values for tests: an Emulator `classroom` in namespace `school`, and what the caches may say about it. */

export const NOW = new Date('2026-11-21T10:00:00.000Z');
export const DIGEST = `sha256:${'d'.repeat(64)}`;
export const IMAGE = 'ghcr.io/mroie/qemu-loco:1.0.0';
/** What `decide` is given of the operator's own release and place. */
export const INSTALLATION = {
  defaultImage: IMAGE,
  operatorPods: { namespace: 'loco-system', labels: { 'app.kubernetes.io/name': 'loco-operator' } },
};

export function emulator(spec: object = {}, more: { status?: Emulator['status']; generation?: number } = {}): Emulator {
  return emulatorSchema.parse({
    apiVersion: API_VERSION,
    kind: 'Emulator',
    metadata: { name: 'classroom', namespace: 'school', uid: 'emulator-uid', generation: more.generation ?? 1 },
    spec: { storage: { mode: 'Persistent' }, ...spec },
    ...(more.status === undefined ? {} : { status: more.status }),
  });
}

export function observed(of: Emulator, more: Partial<Observed> = {}): Observed {
  return {
    monotonicMs: 0,
    emulator: of,
    statefulSet: undefined,
    hasBudget: false,
    foreignChildren: [],
    secretsMade: false,
    secretsFor: new Set(),
    plan: undefined,
    pods: [],
    claims: [],
    rivals: [],
    contacts: new Map(),
    refusals: [],
    failure: undefined,
    resolve: undefined,
    ...more,
  };
}

export function pod(ordinal: number, more: Partial<ObservedPod> = {}): ObservedPod {
  return {
    name: `classroom-${ordinal}`,
    uid: `pod-${ordinal}`,
    resourceVersion: `pod-version-${ordinal}`,
    ordinal,
    ip: `10.0.0.${ordinal}`,
    running: true,
    mounted: true,
    scheduledAt: new Date('2026-11-21T09:00:00.000Z'),
    ready: false,
    downSince: more.ready === true ? undefined : NOW,
    deleting: false,
    deletedAt: undefined,
    revision: 'classroom-1',
    createdAt: new Date('2026-11-21T09:00:00.000Z'),
    planHash: undefined,
    accessToldAt: undefined,
    obstacle: undefined,
    lastEnd: undefined,
    restarts: 0,
    ...more,
  };
}

export function claim(ordinal: number, more: Partial<ObservedClaim> = {}): ObservedClaim {
  return {
    name: `win98-disk-classroom-${ordinal}`,
    uid: `claim-${ordinal}`,
    ordinal,
    emulator: 'classroom',
    emulatorUid: 'emulator-uid',
    holder: undefined,
    disk: undefined,
    collected: false,
    condemned: false,
    deleting: false,
    resourceVersion: `version-${ordinal}`,
    bound: true,
    requestBytes: 4 * 2 ** 30,
    capacityBytes: 4 * 2 ** 30,
    ...more,
  };
}

export function disk(ordinal: number, more: Partial<ReportedDisk> = {}): ReportedDisk {
  const preparedAt = '2026-11-21T09:01:00.000Z';
  return { id: `disk-${ordinal}`, origin: 'Builtin', digest: DIGEST, sizeBytes: 8_000_000, preparedAt, ...more };
}

export function report(ordinal: number, more: Partial<AgentReport> = {}): AgentReport {
  return {
    schemaVersion: 1,
    podUid: `pod-${ordinal}`,
    phase: 'Running',
    message: 'The guest runs',
    ready: true,
    attempts: [],
    ...more,
  };
}

export function contacts(...reports: AgentReport[]): Map<string, MachineContact> {
  return new Map(reports.map((said) => [said.podUid, { report: said, state: 'Connected', since: NOW }]));
}
