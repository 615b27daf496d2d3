import { tmpdir } from 'node:os';
import { parseArgs } from 'node:util';
import { benchDisk, DISK_BENCH_PARTS, type DiskBenchPart } from '../bench/disk.ts';
import { runCommand, step, UserError } from './console.ts';

const help = `usage: npm run bench -- disk [--sizes 100,1024,4096] [--pairs 5] [--parts ${DISK_BENCH_PARTS.join(',')}] [--folder DIR]

disk   what a machine's disk costs, side by side and in turn with programs that do part of it, as a Markdown table:
       builtin  loco-agent prepare from a built-in disk, against cp --sparse=always + sync and qemu-img convert + sync
       pull     loco-agent prepare from a registry on this machine, against oras pull and oras cp
       guest    a guest that writes 64 MiB with write-cache=off, against QEMU's default

  --sizes   MiB of the disks' files, half of them holes
  --pairs   how often each is measured
  --folder  a folder on the volume to measure; it needs six times the largest size (unless told, the one for
            temporary files)
`;

function wholeNumbers(name: string, text: string): readonly number[] {
  return text.split(',').map((part) => {
    const value = Number(part);
    if (Number.isInteger(value) && value >= 1) return value;
    throw new UserError(`--${name} takes whole numbers from 1, not "${part}"`);
  });
}

function partsOf(text: string): readonly DiskBenchPart[] {
  return text.split(',').map((name) => {
    const part = DISK_BENCH_PARTS.find((known) => known === name);
    if (part === undefined) throw new UserError(`--parts takes ${DISK_BENCH_PARTS.join(', ')}, not "${name}"`);
    return part;
  });
}

await runCommand(async () => {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      help: { type: 'boolean', short: 'h' },
      sizes: { type: 'string', default: '100,1024,4096' },
      pairs: { type: 'string', default: '5' },
      parts: { type: 'string', default: DISK_BENCH_PARTS.join(',') },
      folder: { type: 'string', default: tmpdir() },
    },
  });
  if (values.help || positionals.length === 0) {
    process.stdout.write(help);
    return;
  }
  if (positionals.join(' ') !== 'disk') throw new UserError(`no such bench: ${positionals.join(' ')}\n${help}`);
  const options = {
    sizes: wholeNumbers('sizes', values.sizes),
    pairs: Math.max(...wholeNumbers('pairs', values.pairs)),
    parts: partsOf(values.parts),
    folder: values.folder,
  };
  step('Measuring (this machine should do nothing else meanwhile)');
  process.stdout.write(`${await benchDisk(options)}\n`);
});
