/** One system call that ended well, as strace saw it. */
export interface SystemCall {
  readonly name: string;
  /** What stood between the parentheses, strings and paths still in hexadecimal. */
  readonly arguments: string;
  readonly result: string;
  /** The line at which it began; others may have ended between that and its end. */
  readonly begun: number;
  /** The line at which it ended. */
  readonly ended: number;
}

/** Flags of strace that {@link parseCalls} needs: children too, paths of descriptors, whole strings in hexadecimal. */
export const STRACE_FLAGS = ['-f', '-qq', '-y', '-v', '-xx', '-s', `${64 * 1024 ** 2}`, '--seccomp-bpf'] as const;

/**
 * Reads strace's output, in the order in which the calls ended. Calls that failed are left out.
 * @param only a line without any of these texts is left out
 */
export function* parseCalls(lines: readonly string[], only: readonly string[]): Generator<SystemCall> {
  const unfinished = new Map<string, { readonly name: string; readonly text: string; readonly begun: number }>();
  for (const [ended, line] of lines.entries()) {
    const [, pid = '', rest = ''] = /^(\d+) +(.*)$/s.exec(line) ?? [];
    const begins = rest.endsWith(' <unfinished ...>') ? /^(\w+)\((.*) <unfinished \.\.\.>$/s.exec(rest) : null;
    if (begins !== null) {
      unfinished.set(pid, { name: begins[1] ?? '', text: begins[2] ?? '', begun: ended });
      continue;
    }
    const resumed = rest.startsWith('<...') ? /^<\.\.\. \w+ resumed>(.*)$/s.exec(rest) : null;
    const open = unfinished.get(pid);
    const whole = resumed === null || open === undefined ? rest : `${open.name}(${open.text}${resumed[1]}`;
    if (!only.some((text) => whole.includes(text))) continue;
    const call = /^(\w+)\((.*)\)\s+= (-?\w+.*)$/s.exec(whole);
    if (call === null || call[3]?.startsWith('-') === true) continue;
    yield {
      name: call[1] ?? '',
      arguments: call[2] ?? '',
      result: call[3] ?? '',
      begun: resumed === null ? ended : (open?.begun ?? ended),
      ended,
    };
  }
}

/** Text as strace prints it with -xx. */
export function inHexadecimal(text: string): string {
  return [...Buffer.from(text)].map((byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join('');
}

/** The bytes of all strings among a call's arguments. */
export function stringsOf({ arguments: text }: SystemCall): Buffer[] {
  return [...text.matchAll(/"([^"]*)"(\.\.\.)?/g)].map(([, hexadecimal = '', cut]) => {
    if (cut !== undefined) throw new Error('strace cut a string');
    return bytesOf(hexadecimal);
  });
}

/** The paths of all descriptors in a text, the folder of relative names among them. */
export function descriptorsOf(text: string): string[] {
  return [...text.matchAll(/(?:^|[ ,])(?:\d+|AT_FDCWD)<([^>]*)>(\(deleted\))?/g)].map(
    ([, hexadecimal = '', deleted]) => (deleted === undefined ? bytesOf(hexadecimal).toString() : ''),
  );
}

/** The numbers that stand alone among a call's arguments. */
export function numbersOf({ arguments: text }: SystemCall): number[] {
  return text
    .split(', ')
    .filter((part) => /^\d+$/.test(part))
    .map(Number);
}

function bytesOf(hexadecimal: string): Buffer {
  return Buffer.from(hexadecimal.replaceAll('\\x', ''), 'hex');
}
