// Runs one of the project's commands under the pinned Node and with the locked packages installed.
// Plain JavaScript with no dependency, so that any Node from 18 up can start it straight after `git clone`.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const NODE_VERSION = '26.10.0';
const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'loco-operator');

function fail(message) {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}

function run(command, args, options) {
  const result = spawnSync(command, args, { stdio: ['ignore', 2, 2], ...options });
  if (result.error) fail(`${command} could not be started: ${result.error.message}`);
  return result.status ?? 1;
}

/** Installs the npm package `node` into the cache folder, once per version, and returns the folder of its binary. */
function ensureNode() {
  const home = join(cache, 'node', NODE_VERSION);
  const bin = join(home, 'node_modules', 'node', 'bin');
  if (existsSync(join(home, 'complete'))) return bin;
  if (process.platform !== 'linux') {
    fail(
      `The test cluster and the images need Linux; this is ${process.platform}. Use a Linux machine or virtual machine.`,
    );
  }
  process.stderr.write(`Installing Node ${NODE_VERSION} into ${home} (once)\n`);
  mkdirSync(dirname(home), { recursive: true });
  const staging = mkdtempSync(`${home}.`);
  // npm 11.19 and later run a package's install scripts where the project allows it; older ones don't ask.
  writeFileSync(join(staging, 'package.json'), '{"private":true,"allowScripts":{"node":true}}\n');
  const status = run('npm', ['install', '--no-save', '--loglevel=error', `node@${NODE_VERSION}`], { cwd: staging });
  if (status !== 0 || !existsSync(join(staging, 'node_modules', 'node', 'bin', 'node'))) {
    rmSync(staging, { recursive: true, force: true });
    fail(
      `npm could not install node@${NODE_VERSION}. Check that the npm registry is in reach (npm ping), then run the command again.`,
    );
  }
  writeFileSync(join(staging, 'complete'), '');
  try {
    renameSync(staging, home);
  } catch (error) {
    // Another command installed it meanwhile; anything else is a real failure.
    rmSync(staging, { recursive: true, force: true });
    if (!existsSync(join(home, 'complete'))) throw error;
  }
  return bin;
}

/** Runs `npm ci` when the installed packages are not those of the lock file. */
function ensurePackages(environment) {
  const wanted = createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .update(NODE_VERSION)
    .digest('hex');
  const marker = join(root, 'node_modules', '.installed');
  if (existsSync(marker) && readFileSync(marker, 'utf8') === wanted) return;
  process.stderr.write('Installing the locked npm packages (npm ci)\n');
  const status = run('npm', ['ci', '--loglevel=error', '--no-audit', '--no-fund'], { cwd: root, env: environment });
  if (status !== 0) fail('npm ci failed; its own message stands above.');
  writeFileSync(marker, wanted);
}

const [script, ...args] = process.argv.slice(2);
if (!script) fail('usage: node scripts/bootstrap.mjs SCRIPT [ARGUMENT ...]');
const nodeFolder = ensureNode();
const environment = {
  ...process.env,
  PATH: `${nodeFolder}${delimiter}${process.env.PATH ?? ''}`,
  NODE_COMPILE_CACHE: join(cache, 'compile'),
};
ensurePackages(environment);
const result = spawnSync(join(nodeFolder, 'node'), [resolve(root, script), ...args], {
  stdio: 'inherit',
  env: environment,
});
if (result.error) fail(`${script} could not be started: ${result.error.message}`);
process.exit(result.status ?? (result.signal ? 1 : 0));
