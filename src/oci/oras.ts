import { execa } from 'execa';
import { failed, type OciFailure } from './failure.ts';

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

export interface OrasRun {
  readonly ok: boolean;
  readonly stdout: string;
  readonly stderr: string;
  readonly timedOut: boolean;
}

const DEFAULT_TIMEOUT_MILLISECONDS = 30_000;
/** More than any manifest that oras itself accepts (4 MiB), with room for what it prints. */
const MAXIMUM_OUTPUT_CHARACTERS = 16 * 1024 ** 2;

/**
 * Runs one oras command. Credentials are read by oras from the file: they are in no argument and in no environment.
 * @param side flags of `oras cp` name the source registry with a prefix
 * @param timeoutMilliseconds 0: no limit
 */
export async function runOras(
  access: RegistryAccess,
  command: readonly string[],
  side: '' | 'from-' = '',
  timeoutMilliseconds = access.timeoutMilliseconds ?? DEFAULT_TIMEOUT_MILLISECONDS,
): Promise<OrasRun> {
  const flags = [
    // Named even when it isn't there: oras would take the user's own docker login instead, in silence.
    `--${side}registry-config=${access.registryConfig ?? '/nonexistent/config.json'}`,
    ...(access.plainHTTP ? [`--${side}plain-http`] : []),
  ];
  const ended = await execa(access.oras, [...command, ...flags], {
    reject: false,
    stripFinalNewline: false,
    stdin: 'ignore',
    timeout: timeoutMilliseconds,
    maxBuffer: MAXIMUM_OUTPUT_CHARACTERS,
    // --ca-file would replace the system's certificates, and registries redirect to hosts with public ones.
    ...(access.caFile === undefined ? {} : { env: { SSL_CERT_FILE: access.caFile } }),
    ...(access.signal === undefined ? {} : { cancelSignal: access.signal }),
  });
  const stderr = ended.exitCode === undefined ? `${ended.stderr}\n${ended.shortMessage ?? ''}` : ended.stderr;
  return { ok: ended.exitCode === 0, stdout: ended.stdout, stderr, timedOut: ended.timedOut };
}

interface Symptom {
  readonly pattern: RegExp;
  readonly explain: (place: Place, detail: string) => OciFailure;
}

interface Place {
  readonly registry: string;
  readonly reference: string;
}

/** What oras 1.3 says, and what it means; the first that matches counts. */
const SYMPTOMS: readonly Symptom[] = [
  {
    pattern: /no space left on device|disk quota exceeded/i,
    explain: ({ reference }) =>
      failed('NoSpace', `The volume became full while ${reference} was fetched. Make it larger (storage.size).`)
        .failure,
  },
  {
    pattern: /credential not found|credential required/i,
    explain: ({ registry }) =>
      failed(
        'RegistryAuthFailed',
        `The registry ${registry} asks for a login and the pull secret has none for it. Give one (disk.snapshot.pullSecretRef) with an entry for exactly "${registry}".`,
      ).failure,
  },
  {
    pattern: /status code 40[13]|unauthorized|denied|forbidden|authentication required|invalid username\/password/i,
    explain: ({ registry }) =>
      failed(
        'RegistryAuthFailed',
        `The registry ${registry} refuses the login of the pull secret (wrong user name or password, or no right to this repository). Correct the Secret (disk.snapshot.pullSecretRef).`,
      ).failure,
  },
  {
    pattern: /x509|certificate|tls: /i,
    explain: ({ registry }, detail) =>
      failed(
        'RegistryCertificateNotTrusted',
        `The certificate of the registry ${registry} is not trusted (${detail}). Give its CA (disk.snapshot.registry.caBundleRef), or use the name that stands in the certificate.`,
      ).failure,
  },
  {
    pattern: /server gave HTTP response to HTTPS client|HTTP request to an HTTPS server/i,
    explain: ({ registry }) =>
      failed(
        'RegistryUnreachable',
        `The registry ${registry} doesn't speak TLS there. For a registry in your own network set disk.snapshot.registry.plainHTTP: true.`,
      ).failure,
  },
  {
    pattern: /no such host|server misbehaving|name resolution/i,
    explain: ({ registry }) =>
      failed(
        'RegistryUnreachable',
        `There is no host called ${registry}. Correct the registry's name in disk.snapshot.reference, or the cluster's DNS.`,
      ).failure,
  },
  {
    pattern:
      /connection refused|no route to host|network is unreachable|i\/o timeout|deadline exceeded|connection reset|EOF$/im,
    explain: ({ registry }, detail) =>
      failed(
        'RegistryUnreachable',
        `The registry ${registry} can't be reached (${detail}). Check its address and port, that it runs, and network policies.`,
      ).failure,
  },
  {
    pattern:
      /mismatch digest|digest mismatch|content digest|mismatched digest|failed to verify|size mismatch|mismatch size/i,
    explain: ({ registry, reference }) =>
      failed(
        'SnapshotDigestMismatch',
        `The registry ${registry} sent something else than the digests of ${reference} say. It is fetched again; if this stays, push the snapshot again.`,
      ).failure,
  },
  {
    pattern: /not found|status code 404|name unknown|manifest unknown/i,
    explain: ({ registry, reference }) =>
      failed(
        'SnapshotNotFound',
        `The registry ${registry} has no ${reference}. Correct the repository or tag in disk.snapshot.reference, or push the snapshot there.`,
      ).failure,
  },
  {
    pattern: /invalid config format|failed to decode config/i,
    explain: () =>
      failed(
        'RegistryAuthFailed',
        'The pull secret is no docker config.json. Make it with: kubectl create secret docker-registry',
      ).failure,
  },
];

/** Turns what a failed oras command said into a failure. `registry` and `reference` are for people. */
export function explainOras(run: OrasRun, place: Place): OciFailure {
  if (run.timedOut) {
    return failed(
      'RegistryUnreachable',
      `The registry ${place.registry} didn't answer in time. Check its address and port, that it runs, and network policies.`,
    ).failure;
  }
  const detail = lastDetail(run.stderr);
  const said = withoutNames(run.stderr, place.reference);
  const symptom = SYMPTOMS.find(({ pattern }) => pattern.test(said));
  if (symptom !== undefined) return symptom.explain(place, detail);
  return failed('RegistryFailed', `The registry ${place.registry} could not give ${place.reference}: ${detail}.`)
    .failure;
}

/** What was said without URLs and names: a repository may well be called "denied". */
function withoutNames(stderr: string, reference: string): string {
  const repository = reference.replace(/[:@][^/]*$/, '');
  return stderr
    .replaceAll(/"https?:\/\/[^"]*"/g, '')
    .split('\n')
    .map((line) =>
      line
        .split(' ')
        .filter((word) => !word.includes(repository))
        .join(' '),
    )
    .join('\n');
}

/** The end of oras's first line, which is where Go's errors have the cause. */
function lastDetail(stderr: string): string {
  const line =
    stderr.split('\n').find((candidate) => /^Error/.test(candidate)) ?? stderr.trim().split('\n').at(-1) ?? '';
  const withoutRequest = line.replace(/^.*?"https?:\/\/[^"]*": /, '').replace(/^Error[^:]*: /, '');
  return withoutRequest.slice(0, 300).trim();
}
