/** What the project's commands print: what they do, how far they are, and what to do when something is missing. */

const started = performance.now();

function elapsed(): string {
  const seconds = Math.round((performance.now() - started) / 1000);
  return `${String(Math.floor(seconds / 60)).padStart(2, ' ')}:${String(seconds % 60).padStart(2, '0')}`;
}

/** Announces what is being done now, on standard error, so that standard output stays for results. */
export function step(message: string): void {
  process.stderr.write(`[${elapsed()}] ${message}\n`);
}

/**
 * Shows that long work goes on: a line at most every ten seconds while `work` is pending.
 * `state` is asked for the newest detail (for example the last line a build printed).
 */
export async function withProgress<T>(title: string, work: Promise<T>, state: () => string = () => ''): Promise<T> {
  step(title);
  const timer = setInterval(() => {
    const detail = state().trim();
    step(`  … ${title}${detail === '' ? '' : `: ${detail.slice(0, 100)}`}`);
  }, 10_000);
  try {
    return await work;
  } finally {
    clearInterval(timer);
  }
}

/** A failure whose message alone tells a person what is wrong and what to do; it is printed without a stack. */
export class UserError extends Error {}

/** Runs a command's main function; an error that people can mend ends it with its message, any other with its stack. */
export async function runCommand(main: () => Promise<void>): Promise<void> {
  try {
    await main();
  } catch (error) {
    process.stderr.write(`${describe(error)}\n`);
    process.exitCode = 1;
  }
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const isBadOption = 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS');
  if (isBadOption) return `error: ${error.message}\nThe options are in --help.`;
  return error instanceof UserError ? `error: ${error.message}` : (error.stack ?? error.message);
}
