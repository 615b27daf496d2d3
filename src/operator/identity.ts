import type { Settings } from './settings.ts';

/** Who this process is in the Lease. */
export interface Identity {
  /** Another one for each process, also of one pod: two with one name would both take the Lease for theirs. */
  readonly holder: string;
  /**
   * Has the process of this name ended for sure? Proof is the health port: this process listens on it, containers of
   * one pod share their network, and a process that is only stopped would still hold it. So no other process of this
   * very pod is alive, and what it held can be taken over at once, where another pod's has to run out.
   */
  isPredecessor(holder: string): boolean;
}

/** Call it after the health port is listened on. */
export function identityOf(
  { podName, podUid, healthPort }: Pick<Settings, 'podName' | 'podUid' | 'healthPort'>,
  randomId: string,
): Identity {
  // Without the UID a pod is known by its name alone, which another one may have had; with port 0 any port is listened on.
  const own = podUid === undefined || healthPort === 0 ? undefined : `${podName}_${podUid}_`;
  return {
    holder: `${own ?? `${podName}_`}${randomId}`,
    isPredecessor: (holder) => own !== undefined && holder.startsWith(own),
  };
}
