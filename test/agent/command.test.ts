import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { DiskWorkbench, makeDisk, sha256Of, until } from './disk-workbench.ts';

const program = fileURLToPath(new URL('../../src/agent/main.ts', import.meta.url));
let bench: DiskWorkbench;

beforeEach(async () => {
  bench = await DiskWorkbench.create();
});

afterEach(() => bench[Symbol.asyncDispose]());

/** The agent as a process of its own, alone as in `docker run`. */
function agent(command: string, inputFile?: string) {
  // A network of its own too: the agent's port is the same for all.
  return execa('unshare', ['--map-root-user', '--net', process.execPath, program, command], {
    env: { DISK: bench.paths.disk, BUILTIN_IMAGE: bench.builtinPath },
    reject: false,
    timeout: 60_000,
    stdin: inputFile === undefined ? 'ignore' : { file: inputFile },
  });
}

/** A preparation that waits for a person's disk. */
async function waitingPrepare() {
  const prepare = agent('prepare');
  let said = '';
  prepare.stdout?.on('data', (text) => {
    said += text;
  });
  await until(() => said.includes('ImportNeeded'));
  // In an object: an async function would wait for the process's end.
  return { prepare };
}

describe('loco-agent prepare', () => {
  test('that waits ends quickly with 143 at TERM, and leaves no disk', async () => {
    const { prepare } = await waitingPrepare();
    const asked = performance.now();
    prepare.kill('SIGTERM');
    expect((await prepare).exitCode).toBe(143);
    expect(performance.now() - asked).toBeLessThan(5000);
    await expect(sha256Of(bench.paths.disk)).rejects.toThrow('ENOENT');
  });

  test('ends with 0 when an import brings the disk, which ends with 0 too; one that is refused ends with 1', async () => {
    const disk = `${bench.root}/mine.qcow2`;
    await makeDisk(disk, 1);
    const { prepare } = await waitingPrepare();
    const refused = await agent('import', program);
    expect(refused).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('DiskNotQcow2') });
    expect((await agent('import', disk)).exitCode).toBe(0);
    expect((await prepare).exitCode).toBe(0);
    expect(await sha256Of(bench.paths.disk)).toBe(await sha256Of(disk));
  });
});

test.each([
  ['--version', 0],
  ['--help', 0],
  ['no-such-command', 2],
  ['--no-such-option', 1],
])('loco-agent %s ends with %d', async (word, exitCode) => {
  expect((await agent(word)).exitCode).toBe(exitCode);
});
