import { Readable } from 'node:stream';
import { execa } from 'execa';
import { type LastAnswer, OrasDebug } from './oras-debug.ts';

/** How a registry is reached. Paths may name files that aren't there (no pull secret, no CA). */
export interface RegistryAccess {
  /** The oras binary. */
  readonly oras: string;
  /** A docker `config.json`. */
  readonly registryConfig?: string | undefined;
  /** PEM certificates that are trusted besides the system's. */
  readonly caFile?: string | undefined;
  readonly plainHTTP: boolean;
  /** Of one request, not of a whole disk; 30 s unless told. */
  readonly timeoutMilliseconds?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** How one oras command ended. */
export interface OrasRun extends LastAnswer {
  readonly ok: boolean;
  readonly stdout: string;
  readonly stderr: string;
  readonly timedOut: boolean;
}

export interface OrasOptions {
  /** Flags of `oras cp` name the source registry with a prefix. */
  readonly side?: '' | 'from-';
  /** 0: no limit; else that of the access. */
  readonly timeoutMilliseconds?: number;
  /** For its standard input. */
  readonly input?: Iterable<string | Uint8Array>;
}

const DEFAULT_TIMEOUT_MILLISECONDS = 30_000;
/** More than any manifest that oras itself accepts (4 MiB), with room for what it prints. */
const MAXIMUM_OUTPUT_CHARACTERS = 16 * 1024 ** 2;

/** Runs one oras command. Credentials are read by oras from the file: they are in no argument and in no environment. */
export async function runOras(
  access: RegistryAccess,
  command: readonly string[],
  { side = '', timeoutMilliseconds, input }: OrasOptions = {},
): Promise<OrasRun> {
  const flags = [
    // Named even when it isn't there: oras would take the user's own docker login instead, in silence.
    `--${side}registry-config=${access.registryConfig ?? '/nonexistent/config.json'}`,
    ...(access.plainHTTP ? [`--${side}plain-http`] : []),
    '--debug',
  ];
  const debug = new OrasDebug();
  const ended = await execa(access.oras, [...command, ...flags], {
    reject: false,
    stripFinalNewline: false,
    ...(input === undefined ? { stdin: 'ignore' } : { input: Readable.from(input, { objectMode: false }) }),
    stderr: function* (line: unknown) {
      if (debug.isMessage(String(line))) yield line;
    },
    timeout: timeoutMilliseconds ?? access.timeoutMilliseconds ?? DEFAULT_TIMEOUT_MILLISECONDS,
    maxBuffer: MAXIMUM_OUTPUT_CHARACTERS,
    // --ca-file would replace the system's certificates, and registries redirect to hosts with public ones.
    ...(access.caFile === undefined ? {} : { env: { SSL_CERT_FILE: access.caFile } }),
    ...(access.signal === undefined ? {} : { cancelSignal: access.signal }),
  });
  const stderr = ended.exitCode === undefined ? `${ended.stderr}\n${ended.shortMessage ?? ''}` : ended.stderr;
  return { ok: ended.exitCode === 0, stdout: ended.stdout, stderr, timedOut: ended.timedOut, ...debug.last };
}
