import { diskCommand } from '../chaos/disk/command.ts';
import { runCommand, UserError } from './console.ts';

const help = `usage: npm run chaos -- disk [--points 300] [--seed 1] [--only POINT ...]

disk   kills preparations of a machine's disk with SIGKILL, at every step and at random times, and starts them again

The last line of the output is JSON; docs/chaos.md explains it. The exit code is 0 when nothing was wrong or lost.
`;

/** Each takes the arguments behind its name and gives the exit code. */
const commands: Readonly<Record<string, (args: readonly string[]) => Promise<number>>> = { disk: diskCommand };

await runCommand(async () => {
  const [name, ...args] = process.argv.slice(2);
  if (name === undefined || args.includes('--help') || name === '--help' || name === '-h') {
    process.stdout.write(help);
    return;
  }
  const command = commands[name];
  if (command === undefined) throw new UserError(`no such chaos: ${name}\n${help}`);
  process.exitCode = await command(args);
});
