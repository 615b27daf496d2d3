import { tmpdir } from 'node:os';
import { parseArgs } from 'node:util';
import { benchDisk, DISK_BENCH_PARTS } from '../bench/disk.ts';
import {
  benchOperator,
  OPERATOR_BENCH_PARTS,
  OPERATOR_BENCH_PEERS,
  type OperatorBenchPeer,
} from '../bench/operator/index.ts';
import { runCommand, step, UserError } from './console.ts';

const help = `usage: npm run bench -- disk [--sizes 100,1024,4096] [--pairs 5] [--parts ${DISK_BENCH_PARTS.join(',')}] [--folder DIR]
       npm run bench -- operator [--sizes 100,500,1000,2000] [--peers ${OPERATOR_BENCH_PEERS.join(',')}] [--runs 3]
                                 [--parts ${OPERATOR_BENCH_PARTS.join(',')}] [--cpu-profile]

disk      what a machine's disk costs, side by side and in turn with programs that do part of it, as a Markdown table:
          builtin  loco-agent prepare from a built-in disk, against cp --sparse=always + sync and qemu-img convert + sync
          pull     loco-agent prepare from a registry on this machine, against oras pull and oras cp
          guest    a guest that writes 64 MiB with write-cache=off, against QEMU's default

  --sizes   MiB of the disks' files, half of them holes
  --pairs   how often each is measured
  --folder  a folder on the volume to measure; it needs six times the largest size (unless told, the one for
            temporary files)

operator  what the operator costs, on a real API server with simulated nodes, in turn with bare objects (floor) and with
          RabbitMQ's operator, as a Markdown table. It needs root; the whole takes about an hour:
          start     from the start of the process to its first write
          create    resources from their creation to their being Ready: time, requests, processor, memory
          idle      what it costs with nothing to do, with 1,000 resources or the most there are
          restart   what a start costs with as many
          prices    what single requests cost the API server
          outage    the API server is away for 10 s
          failover  the leader of two is killed, and stopped

  --sizes        numbers of resources
  --peers        who else is measured; rabbitmq:500 for up to 500 resources
  --runs         how often starts, outages and failovers are done; the median counts
  --cpu-profile  ours runs with Node's profiler; its busiest functions come behind the table
`;

function wholeNumbers(name: string, text: string): readonly number[] {
  return text.split(',').map((part) => {
    const value = Number(part);
    if (Number.isInteger(value) && value >= 1) return value;
    throw new UserError(`--${name} takes whole numbers from 1, not "${part}"`);
  });
}

/** Names from a list of known ones; all of them when none is given, none for an empty text. */
function chosen<Name extends string>(name: string, known: readonly Name[], text: string | undefined): readonly Name[] {
  if (text === undefined) return known;
  return text
    .split(',')
    .filter((part) => part !== '')
    .map((part) => {
      const found = known.find((each) => each === part);
      if (found === undefined) throw new UserError(`--${name} takes ${known.join(', ')}, not "${part}"`);
      return found;
    });
}

/** `name` or `name:most`, separated by commas. */
function peersOf(text: string): ReadonlyMap<OperatorBenchPeer, number> {
  const parts = text.split(',').map((part) => part.split(':'));
  return new Map(
    chosen('peers', OPERATOR_BENCH_PEERS, parts.map(([name = '']) => name).join(',')).map((name, index) => {
      const most = parts[index]?.[1];
      return [name, most === undefined ? Number.POSITIVE_INFINITY : Math.max(...wholeNumbers('peers', most))];
    }),
  );
}

function readArguments() {
  return parseArgs({
    allowPositionals: true,
    options: {
      help: { type: 'boolean', short: 'h' },
      sizes: { type: 'string' },
      pairs: { type: 'string', default: '5' },
      parts: { type: 'string' },
      peers: { type: 'string', default: OPERATOR_BENCH_PEERS.join(',') },
      runs: { type: 'string', default: '3' },
      folder: { type: 'string', default: tmpdir() },
      'cpu-profile': { type: 'boolean', default: false },
    },
  });
}

type Values = ReturnType<typeof readArguments>['values'];

const benches: Readonly<Record<string, (values: Values) => Promise<string>>> = {
  disk: ({ sizes = '100,1024,4096', pairs, parts, folder }) =>
    benchDisk({
      sizes: wholeNumbers('sizes', sizes),
      pairs: Math.max(...wholeNumbers('pairs', pairs)),
      parts: chosen('parts', DISK_BENCH_PARTS, parts),
      folder,
    }),
  operator: ({ sizes = '100,500,1000,2000', peers, runs, parts, 'cpu-profile': cpuProfile }) =>
    benchOperator({
      sizes: wholeNumbers('sizes', sizes),
      peers: peersOf(peers),
      runs: Math.max(...wholeNumbers('runs', runs)),
      parts: chosen('parts', OPERATOR_BENCH_PARTS, parts),
      cpuProfile,
    }),
};

await runCommand(async () => {
  const { values, positionals } = readArguments();
  if (values.help || positionals.length === 0) {
    process.stdout.write(help);
    return;
  }
  const bench = benches[positionals.join(' ')];
  if (bench === undefined) throw new UserError(`no such bench: ${positionals.join(' ')}\n${help}`);
  step('Measuring (this machine should do nothing else meanwhile)');
  process.stdout.write(`${await bench(values)}\n`);
});
