import type { Clock } from '../kube/clock.ts';

/** Whether something ends in time; if not, it goes on by itself. */
export async function endsWithin(clock: Clock, ms: number, work: Promise<unknown>): Promise<boolean> {
  const late = Promise.withResolvers<false>();
  const cancel = clock.after(ms, () => late.resolve(false));
  const done = work.then(() => true as const);
  try {
    return await Promise.race([done, late.promise]);
  } finally {
    cancel();
  }
}
