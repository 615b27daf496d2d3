#!/usr/bin/env node
import { parseArgs } from 'node:util';
import packageJson from '../../package.json' with { type: 'json' };
import { agentClient } from './client.ts';
import { agentPaths } from './environment.ts';
import { messageOf, type Result } from './failure.ts';
import { importCommand } from './import/command.ts';
import { prepareCommand } from './prepare/command.ts';
import { publishCommand } from './publish/command.ts';
import { runMachine } from './run/index.ts';

const HELP = `loco-agent: prepares, runs and looks after the Windows 98 machine of this container.

usage: loco-agent COMMAND

  prepare        bring a verified disk onto the volume, then end
  run            prepare if need be, then run the machine until TERM
  import         take a qcow2 disk from standard input: … loco-agent import < win98.qcow2
  publish        put a qcow2 disk into a registry: loco-agent publish DISK REFERENCE (see: loco-agent publish --help)
  status         print what the machine says of itself, as JSON
  screenshot     write the screen as a PNG to standard output: … loco-agent screenshot > screen.png
  serial TEXT    type a line into the guest's first serial port
  --version      print the version
  --help         print this

Alone, without Kubernetes: docker run -p 5901:5901 -v DISKS:/images IMAGE, with the environment variables
USE_PREBUILT_SNAPSHOT=true, SNAPSHOT_REGISTRY=registry/repository and SNAPSHOT_TAG=tag for a disk from a registry,
SNAPSHOT_PLAIN_HTTP=true for one without TLS, DISK=path for a disk elsewhere, BUILTIN_IMAGE=path for a built-in one.
The screen's VNC password is the file /etc/loco/vnc/password; without one, a password is made and kept on the volume
(.loco/vnc-password beside the disk).
`;

type Command = (args: readonly string[]) => Promise<number>;

const COMMANDS: Readonly<Record<string, Command>> = {
  prepare: prepareCommand,
  // At once: whatever still listens or waits would keep the pod of a stopped machine until its grace period is over.
  run: async () => process.exit(await runMachine()),
  import: importCommand,
  publish: publishCommand,
  status: async () => print(await client().status()),
  screenshot: async () => {
    if (process.stdout.isTTY)
      return wrongUse('The picture would go to the terminal. Write: loco-agent screenshot > screen.png');
    return print(await client().control({ action: 'Screenshot' }));
  },
  serial: async ([text]) => {
    if (text === undefined) return wrongUse('Say what to type: loco-agent serial TEXT');
    return print(await client().control({ action: 'SerialWrite', text: `${text}\n` }));
  },
};

async function main(args: readonly string[]): Promise<number> {
  // What stands behind a command's name is that command's own.
  const own = args.findIndex((argument) => !argument.startsWith('-'));
  const rest = own === -1 ? [] : args.slice(own + 1);
  const { values, positionals } = parseArgs({
    args: own === -1 ? [...args] : args.slice(0, own + 1),
    options: { help: { type: 'boolean', short: 'h' }, version: { type: 'boolean' } },
    allowPositionals: true,
  });
  if (values.version) {
    process.stdout.write(`${packageJson.version}\n`);
    return 0;
  }
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const [name = ''] = positionals;
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (command === undefined) return wrongUse(name === '' ? HELP : `There is no command "${name}".\n\n${HELP}`);
  return command(rest);
}

function client() {
  return agentClient(agentPaths().agentToken);
}

function print(result: Result<string | Buffer>): number {
  if (result.ok) process.stdout.write(result.value);
  else process.stderr.write(`${result.failure.reason}: ${result.failure.message}\n`);
  return result.ok ? 0 : 1;
}

function wrongUse(message: string): number {
  process.stderr.write(`${message}\n`);
  return 2;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(
    `${error instanceof Error && 'code' in error ? messageOf(error) : String((error as Error).stack)}\n`,
  );
  // At once: what still listens or runs would keep a process alive that looks after nothing any more.
  process.exit(1);
}
