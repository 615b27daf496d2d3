import { createHash } from 'node:crypto';
import { access, mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { runCommand, UserError, withProgress } from './console.ts';
import { ensureDebianPackages } from './debian-packages.ts';
import { cacheFolder, projectFolder } from './folders.ts';
import {
  AUDIT_TOOLS,
  allTools,
  buildArguments,
  CLUSTER_TOOLS,
  type ClusterTool,
  DEFAULT_KUBERNETES,
  DEFAULT_KUBERNETES_VERSION,
  KUBERNETES_VERSIONS,
  type KubernetesMinor,
  type Tool,
  type ToolName,
  toolsOf,
} from './tools/catalogue.ts';
import { goProgram } from './tools/go-program.ts';

export {
  AUDIT_TOOLS,
  CLUSTER_TOOLS,
  type ClusterTool,
  DEFAULT_KUBERNETES,
  DEFAULT_KUBERNETES_VERSION,
  KUBERNETES_VERSIONS,
  type KubernetesMinor,
  type ToolName,
};

const exists = (path: string) =>
  access(path).then(
    () => true,
    () => false,
  );

/** Everything that decides a module's binaries: its pins, its own sources, and how they are built. */
async function contentHash(tool: Tool): Promise<string> {
  const folder = join(projectFolder, 'tools', tool.folder);
  const hash = createHash('sha256').update(buildArguments({ ...tool, package: '' }, '').join('\n'));
  for (const file of (await readdir(folder)).sort()) {
    hash.update(`${file}\n`).update(await readFile(join(folder, file)));
  }
  return hash.digest('hex').slice(0, 16);
}

/**
 * Builds one tool. flock lets two commands that want the same tool build it once, and ends with its holder, however
 * that ends; the rename lets nobody see a half written binary.
 */
async function build(tool: Tool, output: string): Promise<void> {
  const go = await goProgram();
  if (tool.debianPackages !== undefined) await ensureDebianPackages(tool.debianPackages);
  await mkdir(join(output, '..'), { recursive: true });
  const partial = `${output}.partial`;
  const script = 'output=$1 partial=$2; shift 2; test -e "$output" || { "$@" && mv "$partial" "$output"; }';
  const building = execa(
    'flock',
    [`${output}.lock`, 'sh', '-c', script, 'sh', output, partial, go, ...buildArguments(tool, partial)],
    {
      cwd: join(projectFolder, 'tools', tool.folder),
      env: { CGO_ENABLED: tool.debianPackages === undefined ? '0' : '1', GOWORK: 'off' },
      reject: false,
      all: true,
    },
  );
  let newest = '';
  building.all.on('data', (chunk: Buffer) => {
    newest = chunk.toString().trim().split('\n').at(-1) ?? newest;
  });
  const result = await withProgress(`Building ${tool.name} (once, then cached)`, building, () => newest);
  if (result.exitCode !== 0) {
    throw new UserError(
      `Building ${tool.name} from tools/${tool.folder} failed. Is a Go module proxy in reach (go env GOPROXY)?\n${result.all.slice(-2000)}`,
    );
  }
}

/**
 * Paths of the named tools, building from their pinned Go modules what isn't in the cache.
 * Kubernetes' own are those of `kubernetes`. Two builds run side by side, so that one links on its single core while the other compiles.
 */
export async function ensureTools<Name extends ToolName>(
  names: readonly Name[],
  kubernetes: KubernetesMinor = DEFAULT_KUBERNETES,
): Promise<Record<Name, string>> {
  const wanted = toolsOf(kubernetes).filter((tool) => (names as readonly ToolName[]).includes(tool.name));
  const paths: Partial<Record<ToolName, string>> = {};
  const missing: { tool: Tool; output: string }[] = [];
  for (const tool of wanted) {
    const output = join(cacheFolder, 'tools', `${tool.folder}-${await contentHash(tool)}`, 'bin', tool.name);
    paths[tool.name] = output;
    if (!(await exists(output))) missing.push({ tool, output });
  }
  const worker = async () => {
    for (let next = missing.shift(); next !== undefined; next = missing.shift()) await build(next.tool, next.output);
  };
  await Promise.all([worker(), worker()]);
  return paths as Record<Name, string>;
}

if (import.meta.main) {
  await runCommand(async () => {
    const names = process.argv.slice(2);
    const unknown = names.filter((name) => !allTools.some((tool) => tool.name === name));
    if (unknown.length > 0) {
      throw new UserError(
        `There is no tool ${unknown.join(', ')}. Known: ${allTools.map((tool) => tool.name).join(', ')}.`,
      );
    }
    const paths = await ensureTools(names.length === 0 ? CLUSTER_TOOLS : (names as ToolName[]));
    for (const path of Object.values(paths)) process.stdout.write(`${path}\n`);
  });
}
