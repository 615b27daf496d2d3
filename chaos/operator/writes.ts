import { type AuditEntry, isMutation } from './audit.ts';
import type { DamageKind } from './plan.ts';

/** Requests of the operator's that would change something, as they reached the API server. */
export interface Writes {
  readonly objects: number;
  readonly status: number;
  readonly events: number;
  readonly leases: number;
  /** Of all these without Leases, those that were refused because somebody else had been there (409). */
  readonly conflicts: number;
}

/** What didn't get through an API server that was starting, ending or busy isn't counted: nothing came of it. */
export function countWrites(entries: readonly AuditEntry[]): Writes {
  const sent = entries.filter((entry) => {
    return entry.identity !== undefined && isMutation(entry) && entry.code < 500 && entry.code !== 429;
  });
  const count = (matches: (entry: AuditEntry) => boolean): number => sent.filter(matches).length;
  const isLease = ({ resource }: AuditEntry): boolean => resource === 'leases';
  const isEvent = ({ resource }: AuditEntry): boolean => resource === 'events';
  const isStatus = ({ subresource }: AuditEntry): boolean => subresource === 'status';
  return {
    objects: count((entry) => !isLease(entry) && !isEvent(entry) && !isStatus(entry)),
    status: count(isStatus),
    events: count(isEvent),
    leases: count(isLease),
    conflicts: count((entry) => !isLease(entry) && entry.code === 409),
  };
}

/** All but the Leases', which depend on how long it took. */
export function totalOf({ objects, status, events }: Writes): number {
  return objects + status + events;
}

/** What mending one damage may cost: writes of objects, and machines' ways from nothing to ready. */
export interface Repair {
  readonly objects: number;
  /** A machine is gone and comes again, which is told in the status and in events. */
  readonly machines: boolean;
}

/**
 * A deletion demands one write. What somebody else changed demands up to three: at the first change of an object since it
 * was made its fields become ours to apply, then an apply tells whose fields it would overrule, and then it does.
 */
const REPAIRS: Readonly<Record<DamageKind, Repair>> = {
  // Kubernetes' garbage collector takes the pods along.
  DeleteStatefulSet: { objects: 1, machines: true },
  DeleteService: { objects: 1, machines: false },
  DeletePlan: { objects: 1, machines: false },
  DeletePod: { objects: 0, machines: true },
  // The new claim is to carry whose it is, and then what was found on it.
  DeleteClaimAndPod: { objects: 2, machines: true },
  // Somebody's scaling makes pods come or go until it is undone.
  ScaleStatefulSet: { objects: 3, machines: true },
  ChangeService: { objects: 3, machines: false },
  ChangePlan: { objects: 3, machines: false },
  // Without the label it is in no cache: a create is refused, and then it is put right.
  UnlabelPlan: { objects: 3, machines: false },
  UnlabelService: { objects: 3, machines: false },
  UnannotateClaim: { objects: 1, machines: false },
  // One status.
  ChangeStatus: { objects: 1, machines: false },
};

/** How the writes of the disturbed run compare to what they may be. */
export interface Comparison {
  readonly undisturbed: number;
  readonly repairs: number;
  readonly disturbed: number;
  /** What was written beyond the repairs, as a multiple of the undisturbed run's. */
  readonly ratio: number;
}

/**
 * @param damages what was really done; a damage that met nothing demands nothing
 * @param perEmulator status and events of one Emulator's way to ready, as the undisturbed run had them
 */
export function compareWrites(
  undisturbed: Writes,
  disturbed: Writes,
  damages: readonly DamageKind[],
  perEmulator: number,
): Comparison {
  const repairs = damages
    .map((kind) => REPAIRS[kind])
    .reduce((sum, { objects, machines }) => sum + objects + (machines ? perEmulator : 0), 0);
  const [calm, wild] = [totalOf(undisturbed), totalOf(disturbed)];
  return {
    undisturbed: calm,
    repairs: Math.round(repairs),
    disturbed: wild,
    ratio: Math.round(((wild - repairs) / Math.max(1, calm)) * 1000) / 1000,
  };
}
