import { setTimeout as sleep } from 'node:timers/promises';
import { UserError } from '../console.ts';

/**
 * Asks until the answer is no longer undefined.
 * @param what ends the sentence "Waited N s for …"
 * @param why told when it took too long: where to look
 */
export async function waitFor<T>(
  what: string,
  ask: () => Promise<T | undefined>,
  options: { readonly seconds: number; readonly why?: () => Promise<string> | string },
): Promise<T> {
  const end = performance.now() + options.seconds * 1000;
  while (true) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (performance.now() > end) {
      throw new UserError(`Waited ${options.seconds} s for ${what}. ${(await options.why?.()) ?? ''}`.trim());
    }
    await sleep(150);
  }
}
