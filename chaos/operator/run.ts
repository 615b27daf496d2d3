import type { AuditEntry } from './audit.ts';
import { readAudit } from './audit.ts';
import type { Keep } from './evidence.ts';
import { type Ground, openGround } from './ground.ts';
import { variantsOf } from './intention.ts';
import { judge, type Verdict } from './judge.ts';
import { keepControlPlane } from './keeper.ts';
import { type PhaseResult, runPhase } from './phase.ts';
import type { Plan } from './plan.ts';

export interface RunOptions {
  readonly plan: Plan;
  /** Name of the cluster that is made for the run. */
  readonly cluster: string;
  readonly log: (line: string) => void;
  /** Keeps what shows how it came, when something was wrong. */
  readonly keep: Keep;
  /** Keeps it also when all was well. */
  readonly always: boolean;
}

/** What a run found, with how often it struck. */
export interface RunVerdict extends Verdict {
  readonly faults: number;
  readonly damages: number;
  readonly injected: Readonly<Record<string, number>>;
  readonly settledMs: number;
  readonly collectorRestarts: number;
  /** Programs of the cluster's own that ended by themselves. */
  readonly controlPlaneRestarts: number;
}

const NAMESPACES = { calm: 'calm', wild: 'wild' } as const;

/** Settling takes longer with more machines; a connection that died in silence is given up after 100 s at most. */
const SETTLE_SECONDS = { calm: 180, wild: 240 } as const;

/** The same list of user actions twice: undisturbed, and with everything that can go wrong. */
export async function runOperatorChaos(options: RunOptions): Promise<RunVerdict> {
  const { plan, log, keep } = options;
  const ground = await openGround(options.cluster);
  const keeper = keepControlPlane(ground.cluster, log);
  try {
    const phase = (name: keyof typeof NAMESPACES): Promise<PhaseResult> =>
      runPhase({
        ground,
        plan,
        namespace: NAMESPACES[name],
        disturbed: name === 'wild',
        log,
        settleSeconds: SETTLE_SECONDS[name],
      });
    const calm = await phase('calm');
    await ground.admin.insist({ method: 'DELETE', path: `/api/v1/namespaces/${NAMESPACES.calm}` });
    const wild = await phase('wild');
    const verdict = judge({
      calm: { result: calm, entries: await entriesOf(ground, calm) },
      wild: { result: wild, entries: await entriesOf(ground, wild) },
      namespaces: NAMESPACES,
      resources: plan.shape.resources,
      variants: variantsOf(plan),
    });
    if (verdict.findings.length > 0 || options.always) await keepEvidence(ground, plan, keep);
    const { faults, injected, settledMs, collectorRestarts } = wild;
    const { restarts } = keeper;
    return {
      faults,
      damages: wild.damages.length,
      injected,
      settledMs,
      collectorRestarts,
      controlPlaneRestarts: restarts,
      ...verdict,
    };
  } finally {
    await keeper.stop();
    ground.admin.close();
    await ground.close();
  }
}

/** What anybody changed, and every request of an operator's that would have. */
function entriesOf({ cluster }: Ground, { span }: PhaseResult): Promise<AuditEntry[]> {
  const matters = ({ identity, resource }: AuditEntry): boolean =>
    identity !== undefined || resource === 'persistentvolumeclaims';
  return readAudit(cluster.auditLog, span, matters);
}

function keepEvidence({ cluster }: Ground, plan: Plan, keep: Keep): Promise<void> {
  const { seed, shape } = plan;
  const log = (name: string): string => cluster.auditLog.replace(/[^/]+$/, name);
  const operators = Object.values(NAMESPACES).flatMap((name) =>
    ['a', 'b'].map((letter) => `operator-${name}-${letter}.log`),
  );
  return keep(`operator-${shape.resources}-${seed}`, [cluster.auditLog, ...operators.map(log)]);
}
