import { GROUP } from '../../api/group.ts';

/** Names, labels and annotations of everything that belongs to an Emulator; the one place that forms them. */

export const LABELS = {
  name: 'app.kubernetes.io/name',
  instance: 'app.kubernetes.io/instance',
  managedBy: 'app.kubernetes.io/managed-by',
} as const;

export const APP_NAME = 'loco-emulator';
export const MANAGED_BY = 'loco-operator';

export const ANNOTATIONS = {
  /** On a PVC: name of the Emulator (same namespace) whose disk it holds. Nobody else may use it. */
  emulator: `${GROUP}/emulator`,
  /** On a PVC: UID of that Emulator. One that was deleted and made again writes its own before it uses the disk. */
  emulatorUid: `${GROUP}/emulator-uid`,
  /** On a PVC: what the machine last reported of the disk on it, as JSON (`ReportedDisk`). Outlives the Emulator. */
  disk: `${GROUP}/disk`,
  /** On an Emulator, by the user: any value that it didn't have has the snapshot's tag resolved anew. */
  resolveSnapshot: `${GROUP}/resolve-snapshot`,
  /** On the StatefulSet: machines up to this number may have claims that a scale-down still has to look at. */
  scaleMark: `${GROUP}/scale-mark`,
  /** On the plan's ConfigMap: when it last replaced another, so that machines older than that can be nudged. */
  planChangedAt: `${GROUP}/plan-changed-at`,
  /** On a pod: hash of the plan it was last told to read; changing it makes kubelet refresh mounted volumes. */
  planHash: `${GROUP}/plan-hash`,
  /** On a pod whose agent isn't let into the registry: since when its Secret and CA are good, to the same end. */
  registryAccessAt: `${GROUP}/registry-access-at`,
} as const;

/** Labels that select the pods of an Emulator; part of the StatefulSet's immutable selector. */
export function selectorLabels(emulator: string): Record<string, string> {
  return { [LABELS.name]: APP_NAME, [LABELS.instance]: emulator };
}

/** Labels of every object made for an Emulator. */
export function objectLabels(emulator: string): Record<string, string> {
  return { ...selectorLabels(emulator), [LABELS.managedBy]: MANAGED_BY };
}

/** The pods' selector as `kubectl -l` and the scale subresource want it. */
export function selectorText(emulator: string): string {
  return Object.entries(selectorLabels(emulator))
    .map(([key, value]) => `${key}=${value}`)
    .join(',');
}

export const childNames = {
  statefulSet: (emulator: string): string => emulator,
  service: (emulator: string): string => emulator,
  plan: (emulator: string): string => `${emulator}-plan`,
  // Not the Emulator's own name, under which people keep policies that they wrote themselves.
  podDisruptionBudget: (emulator: string): string => `${emulator}-machines`,
  networkPolicy: (emulator: string): string => `${emulator}-machines`,
  agentSecret: (emulator: string): string => `${emulator}-agent`,
  vncSecret: (emulator: string): string => `${emulator}-vnc`,
  pod: (emulator: string, ordinal: number): string => `${emulator}-${ordinal}`,
  /** As the StatefulSet controller forms it. */
  claim: (template: string, emulator: string, ordinal: number): string => `${template}-${emulator}-${ordinal}`,
} as const;

/** The number after the last `-` of a pod's or claim's name that begins with `prefix-`; undefined when there is none. */
export function ordinalOf(name: string, prefix: string): number | undefined {
  if (!name.startsWith(`${prefix}-`)) return undefined;
  const tail = name.slice(prefix.length + 1);
  return /^(0|[1-9][0-9]{0,8})$/.test(tail) ? Number(tail) : undefined;
}
