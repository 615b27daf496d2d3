import { OPERATOR_NAMESPACE } from '../../scripts/install.ts';
import { seeded } from '../random.ts';
import { convergenceFindings, type Finding } from './converged.ts';
import { type Done, Saboteur } from './damage.ts';
import { FaultProxy } from './fault-proxy.ts';
import { Faults } from './faults.ts';
import { createNamespace, type Ground } from './ground.ts';
import { intendedBy, variantsOf } from './intention.ts';
import { Line } from './line.ts';
import { OperatorSlot, type OwnExit } from './operator-slot.ts';
import { claimFindings, orphanFindings } from './orphans.ts';
import type { Plan } from './plan.ts';
import { playPlan } from './play-plan.ts';
import { type Settled, settle } from './settle.ts';
import { takeSnapshot } from './snapshot.ts';
import { User } from './user.ts';

export interface PhaseOptions {
  readonly ground: Ground;
  readonly plan: Plan;
  /** Also tells the operators of this phase from those of others. */
  readonly namespace: string;
  /** With the plan's faults and damages, or with what the user does alone. */
  readonly disturbed: boolean;
  readonly log: (line: string) => void;
  /** How long it may take at the end until everything is as it has to be. */
  readonly settleSeconds: number;
}

/** What came of a part of the run. */
export interface PhaseResult extends Settled {
  /** Of requests that count, by the clock of the machine. */
  readonly span: { readonly fromMs: number; readonly toMs: number };
  readonly damages: readonly Done[];
  readonly faults: number;
  readonly ownExits: readonly OwnExit[];
  readonly injected: Readonly<Record<string, number>>;
}

/** Runs two operators while users, and perhaps everybody else, are at work; ends when everything is quiet, or time is up. */
export async function runPhase(options: PhaseOptions): Promise<PhaseResult> {
  const { ground, namespace } = options;
  await createNamespace(ground, namespace);
  const proxy = await FaultProxy.open({
    ...ground.tls,
    host: ground.cluster.hostAddress,
    upstream: { server: new URL(ground.cluster.server), ca: ground.ca },
    random: seeded(options.plan.seed),
  });
  const lines = [await openLine(ground, proxy), await openLine(ground, proxy)] as const;
  const slot = (index: 0 | 1, letter: string): OperatorSlot =>
    new OperatorSlot({
      cluster: ground.cluster,
      command: ground.command,
      line: lines[index],
      name: `${namespace}-${letter}`,
    });
  const slots = [slot(0, 'a'), slot(1, 'b')] as const;
  try {
    await Promise.all(slots.map((each) => each.start()));
    const result = await disturb(options, proxy, slots);
    return { ...result, injected: proxy.counts, ownExits: slots.flatMap(({ ownExits }) => ownExits) };
  } finally {
    await Promise.all(slots.map((each) => each.stop()));
    await Promise.all(lines.map((line) => line.close()));
    await proxy.close();
  }
}

function openLine({ cluster }: Ground, proxy: FaultProxy): Promise<Line> {
  return Line.open(cluster.hostAddress, { host: cluster.hostAddress, port: proxy.port });
}

async function disturb(
  { ground, plan, namespace, disturbed, log, settleSeconds }: PhaseOptions,
  proxy: FaultProxy,
  slots: readonly [OperatorSlot, OperatorSlot],
): Promise<Omit<PhaseResult, 'injected' | 'ownExits'>> {
  const { cluster, admin } = ground;
  const user = new User(admin, namespace);
  const saboteur = new Saboteur(admin, namespace);
  const leasePath = `/apis/coordination.k8s.io/v1/namespaces/${OPERATOR_NAMESPACE}/leases/loco-operator`;
  const faults = new Faults({ cluster, admin, proxy, slots, leasePath });
  const tell = (atMs: number, what: string): void => log(`${namespace} ${(atMs / 1000).toFixed(1)} s: ${what}`);
  const played = disturbed ? plan : { ...plan, damages: [], faults: [] };
  const fromMs = Date.now();
  const damages = await playPlan(played, { user, saboteur, faults, tell });
  const excused = { claims: user.notes.unowned, emulators: shaken(damages) };
  const [intended, variants] = [intendedBy(plan), variantsOf(plan)];
  const look = async (): Promise<Finding[]> => {
    const snapshot = await takeSnapshot(admin, namespace);
    return [
      ...convergenceFindings(snapshot, intended),
      ...orphanFindings(snapshot, variants),
      ...claimFindings(snapshot, variants, excused),
    ];
  };
  const settled = await settle({ look, cluster, seconds: settleSeconds, log });
  return { span: { fromMs, toMs: Date.now() }, damages, faults: played.faults.length, ...settled };
}

/** Whose StatefulSet carried the note of a scale-down away with it. */
function shaken(damages: readonly Done[]): Set<string> {
  const kinds: readonly string[] = ['DeleteStatefulSet', 'ScaleStatefulSet'];
  return new Set(damages.filter(({ kind }) => kinds.includes(kind)).map(({ emulator }) => emulator));
}
