import type { Progress } from '../../contract/agent-report.ts';
import { MIB } from '../quantity.ts';

/** How far a preparation is, in a line for people: `Pulling 43 % (120 of 280 MiB, 12 MiB/s, 13 s left)`. */
export function progressText({ step, doneBytes, totalBytes, percent, bytesPerSecond, secondsLeft }: Progress): string {
  const done = Math.floor(doneBytes / MIB);
  const amount = totalBytes === undefined ? `${done} MiB so far` : `${done} of ${Math.ceil(totalBytes / MIB)} MiB`;
  const rate = bytesPerSecond === undefined ? undefined : `${rateText(bytesPerSecond)}/s`;
  const left = secondsLeft === undefined ? undefined : `${durationText(secondsLeft)} left`;
  const facts = [amount, rate, left].filter((fact) => fact !== undefined).join(', ');
  return `${step}${percent === undefined ? '' : ` ${percent} %`} (${facts})`;
}

/** Whole MiB where there are some: a slow line must not look like a dead one. */
function rateText(bytes: number): string {
  return bytes >= MIB ? `${Math.round(bytes / MIB)} MiB` : `${Math.round(bytes / 1024)} KiB`;
}

function durationText(seconds: number): string {
  if (seconds < 120) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 120 ? `${minutes} min` : `${Math.round(minutes / 60)} h`;
}
