import type { FileFacts } from '../disk/volume-files.ts';

const QUIET_MILLISECONDS = 30_000;

/**
 * Whether a file was left alone for 30 s, so that nobody is in the middle of writing it: a copy that comes in looks
 * like a damaged disk until it is whole. A time far in the future is that of another clock, and tells nothing.
 * @param now milliseconds since 1970
 */
export function isAtRest({ modifiedTime }: Pick<FileFacts, 'modifiedTime'>, now: number): boolean {
  return Math.abs(now - Number(modifiedTime) / 1_000_000) >= QUIET_MILLISECONDS;
}
