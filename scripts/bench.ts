import { parseArgs } from 'node:util';
import { benchDisk } from '../bench/disk.ts';
import { runCommand, step, UserError } from './console.ts';

const help = `usage: npm run bench -- disk [--mebibytes 512] [--pairs 5]

disk   preparing a machine's disk from a built-in one, in turn with cp --sparse=always and sync of the same file
`;

function wholeNumber(name: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1)
    throw new UserError(`--${name} takes a whole number from 1, not "${text}"`);
  return value;
}

await runCommand(async () => {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      help: { type: 'boolean', short: 'h' },
      mebibytes: { type: 'string', default: '512' },
      pairs: { type: 'string', default: '5' },
    },
  });
  if (values.help || positionals.length === 0) {
    process.stdout.write(help);
    return;
  }
  const [what] = positionals;
  if (what !== 'disk' || positionals.length > 1)
    throw new UserError(`no such bench: ${positionals.join(' ')}\n${help}`);
  const options = { mebibytes: wholeNumber('mebibytes', values.mebibytes), pairs: wholeNumber('pairs', values.pairs) };
  step('Measuring (this machine should do nothing else meanwhile)');
  process.stdout.write(`${await benchDisk(options)}\n`);
});
