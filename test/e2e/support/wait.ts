/**
 * Polls `probe` until it returns something other than undefined or false, and returns that.
 * Errors of the probe count as "not yet" (an API server may be restarting), and the last one is in the failure.
 * @param sentence what is waited for, for the failure's message
 * @param timeout milliseconds; unless given more than any pod here takes to end, on a busy machine too
 * @param explain asked for details when the time is up
 */
export async function eventually<T>(
  sentence: string,
  probe: () => Promise<T | undefined | false>,
  timeout = 240_000,
  explain: () => Promise<string> = async () => '',
): Promise<T> {
  const deadline = performance.now() + timeout;
  let last = '';
  for (;;) {
    try {
      const value = await probe();
      if (value !== undefined && value !== false) return value as T;
      last = '';
    } catch (error) {
      last = ` Last error: ${error instanceof Error ? error.message : String(error)}`;
    }
    if (performance.now() > deadline) {
      throw new Error(`after ${timeout / 1000} s still not so: ${sentence}.${last}\n${await explain()}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 400));
  }
}

/**
 * Looks again and again for `milliseconds`, and fails at the first look that does not hold.
 * @param holds throws, as `expect` does, when it is no longer so
 */
export async function throughout(milliseconds: number, holds: () => Promise<void>): Promise<void> {
  const end = performance.now() + milliseconds;
  while (performance.now() < end) {
    await holds();
    await new Promise((resolve) => setTimeout(resolve, 400));
  }
}
