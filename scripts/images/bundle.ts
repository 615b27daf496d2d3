import path from 'node:path';
import { build, type Plugin } from 'esbuild';
import { projectFolder } from '../folders.ts';

/** CommonJS packages in the bundle ask for Node's own modules with `require`, which an ES module hasn't. */
const BANNER = `import { createRequire as createRequireOfBundle } from 'node:module';
const require = createRequireOfBundle(import.meta.url);`;

/**
 * How Node runs the agent: its heap grows late and garbage goes early. What it computes much is not JavaScript, and a
 * pod's memory is meant for its guest (docs/performance.md).
 */
export const AGENT_NODE_FLAG = '--optimize-for-size';

/** zod brings its messages in fifty languages along, a quarter of a program's text; ours say theirs in one. */
const ONE_LANGUAGE: Plugin = {
  name: 'one-language',
  setup: ({ onLoad }) => {
    onLoad({ filter: /[\\/]zod[\\/]v4[\\/]locales[\\/]index\.js$/ }, () => ({
      contents: "export { default as en } from './en.js';",
    }));
  },
};

function options(entry: string) {
  return {
    absWorkingDir: projectFolder,
    entryPoints: [path.join(projectFolder, entry)] as string[],
    bundle: true,
    write: false,
    platform: 'node',
    target: 'node26',
    format: 'esm',
    minifyWhitespace: true,
    legalComments: 'none',
    banner: { js: BANNER },
    logLevel: 'error',
    plugins: [ONE_LANGUAGE] as Plugin[],
  } as const;
}

/** One file of a program in several. */
export interface ProgramFile {
  readonly name: string;
  readonly text: Uint8Array;
}

/**
 * Bundles a program into `main.mjs`, and what it imports only when it is needed into files of their own: a process
 * that never needs them doesn't have them in its memory. The same sources, the same files.
 */
export async function bundleInParts(entry: string): Promise<ProgramFile[]> {
  const outdir = path.join(projectFolder, 'bundle');
  const names = { entryNames: 'main', chunkNames: '[name]-[hash]', outExtension: { '.js': '.mjs' } };
  const { outputFiles } = await build({ ...options(entry), ...names, outdir, splitting: true });
  return outputFiles
    .map(({ path: file, contents }) => ({ name: path.basename(file), text: contents }))
    .sort((left, right) => (left.name < right.name ? -1 : 1));
}

/**
 * Bundles a program with everything it imports into one text that Node runs as it is: the same sources, the same text.
 * @param entry the program's main file, from the checkout's root
 * @param nodeFlag given to Node when the program is started by its name; the kernel takes one at most
 */
export async function bundleProgram(entry: string, nodeFlag?: string): Promise<Buffer> {
  const [output] = (await build({ ...options(entry), outfile: 'bundle.mjs' })).outputFiles;
  if (output === undefined) {
    throw new Error(`esbuild made nothing of ${entry}`);
  }
  // esbuild keeps the first line of an entry that names an interpreter; in the image it is always this one.
  const interpreter = ['#!/usr/local/bin/node', ...(nodeFlag === undefined ? [] : [nodeFlag])].join(' ');
  return Buffer.from(`${interpreter}\n${output.text.replace(/^#!.*\n/, '')}`);
}
