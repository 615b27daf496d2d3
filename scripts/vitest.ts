import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { z } from 'zod';
import { projectFolder } from './folders.ts';

/** What a suite counted. */
export interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** What several suites counted together. */
export function sum(counts: readonly Counts[]): Counts {
  return counts.reduce(
    (total, next) => ({
      passed: total.passed + next.passed,
      failed: total.failed + next.failed,
      skipped: total.skipped + next.skipped,
    }),
    { passed: 0, failed: 0, skipped: 0 },
  );
}

const reportSchema = z.object({
  success: z.boolean(),
  numPassedTests: z.int(),
  numFailedTests: z.int(),
  numPendingTests: z.int(),
  numTodoTests: z.int(),
  numFailedTestSuites: z.int(),
});

/**
 * Counts of a vitest JSON report. A file that could not be loaded fails no test, and neither does an error between
 * tests: each run that did not succeed counts at least one failure.
 */
export function countsOf(report: unknown): Counts {
  const parsed = reportSchema.parse(report);
  return {
    passed: parsed.numPassedTests,
    failed: Math.max(parsed.numFailedTests, parsed.success ? 0 : 1),
    skipped: parsed.numPendingTests + parsed.numTodoTests,
  };
}

/**
 * Runs one project of vitest.config.ts, with the output on this terminal, and returns what it counted.
 * @param options filters of file names, and options of vitest's
 */
export async function runVitest(
  project: string,
  options: readonly string[] = [],
  environment: Readonly<Record<string, string>> = {},
): Promise<Counts> {
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
    if (report === undefined) return { passed: 0, failed: 1, skipped: 0 };
    const counts = countsOf(JSON.parse(report));
    return run.exitCode === 0 ? counts : { ...counts, failed: Math.max(1, counts.failed) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
