import { runCommand, UserError } from './console.ts';

const help = `usage: npm run chaos -- disk [--points 300] [--seed 1] [--states 100] [--scenario NAME] [--only POINT ...]
       npm run chaos -- disk --without SYNC [--scenario NAME] [--seed 1]
       npm run chaos -- operator [--resources 200] [--seed 1] [--short] [--keep]
       npm run chaos -- guest [--deletions 20] [--kills 5] [--seed 1]
       npm run chaos -- memory [--minutes 60]

disk     kills preparations of a machine's disk with SIGKILL, at every step and at random times, and starts them again;
         then cuts the power in them, and starts again on what is left
           --points    kills (0: none)
           --states    the most states after a power cut, of each scenario (0: none)
           --scenario  power cuts in this scenario alone
           --only      just this kill, by the name that a run gave it
           --without   leaves out each sync whose name contains this ("" for all): a power cut must show it
operator kills and pauses operators, kills the API server and etcd, cuts the network, injects errors, and damages objects
         while Emulators come, change and go, on a simulated cluster of its own
guest    deletes pods and kills QEMU under disk load on a real cluster
memory   an hour of load at the memory limit
         these two on a cluster that stays up: LOCO_CLUSTER=loco-chaos npm run cluster -- down

The last line of the output is JSON; docs/chaos.md explains it. The exit code is 0 when nothing was wrong or lost.
`;

/** Each takes the arguments behind its name and gives the exit code; loaded when it is asked for. */
const commands: Readonly<Record<string, (args: readonly string[]) => Promise<number>>> = {
  disk: async (args) => (await import('../chaos/disk/command.ts')).diskCommand(args),
  operator: async (args) => (await import('../chaos/operator/command.ts')).operatorCommand(args),
  guest: async (args) => (await import('../chaos/guest/command.ts')).guestCommand(args),
  memory: async (args) => (await import('../chaos/guest/memory-command.ts')).memoryCommand(args),
};

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
