/**
 * What the promises resolve with, once every one of them has ended. Unlike with `Promise.all`, a failure of one is told
 * only when the others are no longer at work either: whoever tries again, or says that it has ended, has nothing of the
 * same work beside it.
 *
 * @throws the first rejection in their order
 */
export async function allEnded<T extends readonly unknown[] | []>(
  promises: T,
): Promise<{ -readonly [Index in keyof T]: Awaited<T[Index]> }> {
  await Promise.allSettled(promises);
  return Promise.all(promises);
}
