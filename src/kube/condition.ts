/** A condition as the API conventions want it. */
export interface KubeCondition {
  readonly type: string;
  readonly status: 'True' | 'False' | 'Unknown';
  readonly reason: string;
  readonly message: string;
  readonly observedGeneration?: number | undefined;
  readonly lastTransitionTime: string;
}

/** A condition before it is known since when it holds. */
export type ConditionState = Omit<KubeCondition, 'lastTransitionTime'>;

/** Adds the times: a condition whose status is what it was keeps its time, whatever its reason and message say now. */
export function withTransitionTimes(
  states: readonly ConditionState[],
  before: readonly KubeCondition[],
  now: Date,
): KubeCondition[] {
  return states.map((state) => {
    const last = before.find(({ type }) => type === state.type);
    const since = last !== undefined && last.status === state.status ? last.lastTransitionTime : now.toISOString();
    return { ...state, lastTransitionTime: since };
  });
}
