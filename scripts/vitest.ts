import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { execa } from 'execa';
import { z } from 'zod';
import { projectFolder } from './folders.ts';

/** What a suite counted, and what it said of each thing that failed. */
export interface Outcome {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly failures: readonly string[];
}

/** That of a suite that ran nothing. */
export const NOTHING: Outcome = { passed: 0, failed: 0, skipped: 0, failures: [] };

/** A suite's outcome with one more failure. */
export function withFailure(outcome: Outcome, failure: string): Outcome {
  return { ...outcome, failed: outcome.failed + 1, failures: [...outcome.failures, failure] };
}

/** The outcome of several suites together. */
export function sum(outcomes: readonly Outcome[]): Outcome {
  return outcomes.reduce(
    (total, next) => ({
      passed: total.passed + next.passed,
      failed: total.failed + next.failed,
      skipped: total.skipped + next.skipped,
      failures: [...total.failures, ...next.failures],
    }),
    NOTHING,
  );
}

const reportSchema = z.object({
  success: z.boolean(),
  numPassedTests: z.int(),
  numFailedTests: z.int(),
  numPendingTests: z.int(),
  numTodoTests: z.int(),
  testResults: z.array(
    z.object({
      name: z.string(),
      status: z.string(),
      message: z.string(),
      assertionResults: z.array(
        z.object({ fullName: z.string(), status: z.string(), failureMessages: z.array(z.string()).nullish() }),
      ),
    }),
  ),
});

/** What a vitest JSON report says of each test that failed, and of each file that failed outside of its tests. */
function failuresOf({ testResults }: z.infer<typeof reportSchema>): string[] {
  return testResults
    .filter(({ status }) => status === 'failed')
    .flatMap(({ name, message, assertionResults }) => {
      const file = relative(projectFolder, name);
      const tests = assertionResults
        .filter(({ status }) => status === 'failed')
        .map(({ fullName, failureMessages }) => `${file}: ${fullName}\n${(failureMessages ?? []).join('\n')}`);
      return message === '' ? tests : [`${file}\n${message}`, ...tests];
    })
    .map(stripVTControlCharacters);
}

/**
 * The outcome in a vitest JSON report. A file that could not be loaded fails no test, and neither does an error between
 * tests: each run that did not succeed counts at least one failure.
 */
export function outcomeOf(report: unknown): Outcome {
  const parsed = reportSchema.parse(report);
  const failures = failuresOf(parsed);
  return {
    passed: parsed.numPassedTests,
    failed: Math.max(parsed.numFailedTests, parsed.success ? 0 : 1),
    skipped: parsed.numPendingTests + parsed.numTodoTests,
    failures: failures.length > 0 || parsed.success ? failures : ['an error outside of the tests: see above'],
  };
}

/**
 * Runs one project of vitest.config.ts, with the output on this terminal, and returns its outcome.
 * @param options filters of file names, and options of vitest's
 */
export async function runVitest(
  project: string,
  options: readonly string[] = [],
  environment: Readonly<Record<string, string>> = {},
): Promise<Outcome> {
  const folder = await mkdtemp(join(tmpdir(), 'loco-vitest-'));
  const output = join(folder, 'report.json');
  try {
    const run = await execa(
      process.execPath,
      [
        join(projectFolder, 'node_modules/vitest/vitest.mjs'),
        'run',
        '--project',
        project,
        '--reporter',
        'default',
        '--reporter',
        'json',
        '--outputFile.json',
        output,
        ...options,
      ],
      { cwd: projectFolder, stdio: 'inherit', env: environment, reject: false },
    );
    const report = await readFile(output, 'utf8').catch(() => undefined);
    if (report === undefined) return withFailure(NOTHING, `vitest --project ${project} wrote no report`);
    const outcome = outcomeOf(JSON.parse(report));
    if (run.exitCode === 0 || outcome.failed > 0) return outcome;
    return withFailure(outcome, `vitest --project ${project} ended with ${run.exitCode ?? run.signal}`);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
