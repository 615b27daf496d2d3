import { join } from 'node:path';
import { execa } from 'execa';
import { projectFolder } from './folders.ts';

/** A check of the sources that needs nothing but the npm packages. */
export interface Check {
  /** What holds when it passes. */
  readonly name: string;
  /** A script under the project's own Node, with its arguments. */
  readonly command: readonly [script: string, ...args: string[]];
  /** What to do when it fails. */
  readonly remedy: string;
}

const bin = (path: string) => join('node_modules', path);

export const typecheck: Check = {
  name: 'the sources are typed',
  command: [bin('typescript/bin/tsc'), '--noEmit'],
  remedy: 'correct the types it names',
};

export const lintChecks: readonly Check[] = [
  {
    name: 'the sources are formatted and lint free',
    command: [bin('@biomejs/biome/bin/biome'), 'check', '--error-on-warnings'],
    remedy: 'npx biome check --write mends most of it',
  },
  {
    name: 'imports flow one way',
    command: [
      bin('dependency-cruiser/bin/dependency-cruiser.mjs'),
      'src',
      'scripts',
      '--config',
      '.dependency-cruiser.cjs',
      '--output-type',
      'err',
    ],
    remedy: 'the rules and their reasons are in .dependency-cruiser.cjs',
  },
  {
    name: 'nothing is unused',
    command: [bin('knip/bin/knip.js')],
    remedy: 'remove what it names, or stop exporting it',
  },
];

export const driftCheck: Check = {
  name: 'generated files are those of the schemas',
  command: ['scripts/generate.ts', '--check'],
  remedy: 'npm run generate, and commit the result',
};

/** Runs one check with its output on this terminal; true when it passed. */
export async function runCheck(check: Check): Promise<boolean> {
  const result = await execa(process.execPath, [...check.command], {
    cwd: projectFolder,
    stdio: 'inherit',
    reject: false,
  });
  const passed = result.exitCode === 0;
  process.stderr.write(passed ? `✓ ${check.name}\n` : `✗ ${check.name}: ${check.remedy}\n`);
  return passed;
}
