/** One thing that is so, or isn't, as Kubernetes' own `metav1.Condition` has it. */
export interface Condition {
  /** CamelCase; one of each type in a list. */
  readonly type: string;
  readonly status: 'True' | 'False' | 'Unknown';
  /** CamelCase, for programs. */
  readonly reason: string;
  /** For people; at most 32,768 characters. */
  readonly message: string;
  /** RFC 3339: since when the status is what it is, whatever the reason and the message say meanwhile. */
  readonly lastTransitionTime: string;
  /** `metadata.generation` of the spec that it was computed from. */
  readonly observedGeneration?: number | undefined;
}

/** A condition before it is known since when it holds. */
export type ConditionState = Pick<Condition, 'type' | 'status' | 'reason' | 'message'>;

/** What conditions are computed from, and when. */
export interface Observation {
  readonly generation: number | undefined;
  readonly now: Date;
}

/**
 * Conditions with their times: each keeps its own as long as its status stays what it was in `before`. Types that are
 * not among the states are not among the conditions.
 */
export function timedConditions(
  states: readonly ConditionState[],
  before: readonly Condition[],
  { generation, now }: Observation,
): Condition[] {
  const observed = generation === undefined ? {} : { observedGeneration: generation };
  return states.map((state) => {
    const last = before.find(({ type }) => type === state.type);
    const since = last?.status === state.status ? last.lastTransitionTime : now.toISOString();
    return { ...state, ...observed, lastTransitionTime: since };
  });
}

/** Conditions with one of them set, the others as they were; in place when it was there, else at the end. */
export function setCondition(
  before: readonly Condition[],
  state: ConditionState,
  observation: Observation,
): readonly Condition[] {
  const set = timedConditions([state], before, observation);
  if (!before.some(({ type }) => type === state.type)) return [...before, ...set];
  return before.flatMap((condition) => (condition.type === state.type ? set : [condition]));
}
