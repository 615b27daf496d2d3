import { REASONS } from './reason.ts';

const TITLES: Readonly<Record<keyof typeof REASONS, string>> = {
  disk: 'The disk and its record',
  volume: 'The volume',
  source: 'Where a disk comes from',
  registry: 'Registries',
  guest: 'QEMU and its guest',
  settings: 'Settings of the machine',
  command: "Answers of the agent's commands",
};

/** docs/reference/reasons.md: every reason that a machine gives. */
export function renderReasonReference(): string {
  const groups = Object.entries(TITLES).map(([group, title]) => {
    const rows: [string, string][] = Object.entries(REASONS[group as keyof typeof REASONS]);
    return `## ${title}\n\n${table([['reason', 'what it says'], ...rows.map(([reason, text]): [string, string] => [`\`${reason}\``, text])])}`;
  });
  return `# Reasons that a machine gives

Made by \`npm run generate\` from \`src/contract/reason.ts\`. A machine's \`reason\` stands in the Emulator's status, in
events, in the agent's log, in \`loco-agent status\` and in \`.loco/report.json\` on its volume; the message beside it
has the details and what to do.

${groups.join('\n\n')}
`;
}

/** Columns as wide as their widest cell. */
function table([head = ['', ''], ...rows]: readonly (readonly [string, string])[]): string {
  const all = [head, ...rows];
  const widths = [0, 1].map((column) => Math.max(...all.map((row) => (row[column] ?? '').length)));
  const line = (row: readonly string[]) =>
    `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n');
}
