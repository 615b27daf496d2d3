import type { OciFailure, OciReason } from './failure.ts';
import type { OrasRun } from './oras.ts';

/** What was asked of which registry, for people. */
export interface Place {
  readonly registry: string;
  readonly reference: string;
  /** A person pushes from a terminal, instead of a machine that pulls by its Emulator. */
  readonly pushing?: boolean;
  /** The registry has given the manifest already, and was asked for what that names. */
  readonly content?: boolean;
}

interface Symptom {
  readonly reason: OciReason;
  /** In what oras says; undefined: the status alone tells. */
  readonly pattern?: RegExp;
  /** HTTP status of the registry's last answer. */
  readonly status?: (status: number) => boolean;
  readonly message: (place: Place, detail: string, run: OrasRun) => string;
}

const correctLogin = ({ pushing, registry }: Place) =>
  pushing === true ? `Log in again: oras login ${registry}` : 'Correct the Secret (disk.snapshot.pullSecretRef).';

/** What oras 1.3 says, and what it means; the first that matches counts. */
const SYMPTOMS: readonly Symptom[] = [
  {
    reason: 'NoSpace',
    pattern: /no space left on device|disk quota exceeded/i,
    message: ({ reference }) => `The volume became full while ${reference} was fetched. Make it larger (storage.size).`,
  },
  {
    reason: 'SnapshotDigestMismatch',
    pattern: /invalid OCI Image Layout|failed to decode (?:OCI layout|index) file/i,
    message: ({ reference }) =>
      `What was noted on the volume about the parts of ${reference} is damaged. It is made anew; the parts that are whole stay.`,
  },
  {
    reason: 'RegistryAuthFailed',
    pattern: /invalid config format|failed to decode config|invalid auth|failed to get credential|illegal base64/i,
    message: ({ pushing }) =>
      pushing === true
        ? 'The file with the logins is no docker config.json. Make it with: oras login'
        : 'The pull secret is no docker config.json. Make it with: kubectl create secret docker-registry',
  },
  {
    reason: 'RegistryAuthFailed',
    pattern: /credential not found|credential required/i,
    message: ({ registry, pushing }) =>
      pushing === true
        ? `The registry ${registry} asks for a login and there is none for it. Log in first: oras login ${registry}`
        : `The registry ${registry} asks for a login and the pull secret has none for it. Give one (disk.snapshot.pullSecretRef) with an entry for exactly "${registry}".`,
  },
  {
    reason: 'RegistryCertificateNotTrusted',
    pattern: /x509|certificate|tls: /i,
    message: ({ registry, pushing }, detail) =>
      `The certificate of the registry ${registry} is not trusted (${detail}). Give its CA (${pushing === true ? '--ca-file' : 'disk.snapshot.registry.caBundleRef'}), or use the name that stands in the certificate.`,
  },
  {
    reason: 'RegistryUnreachable',
    pattern: /server gave HTTP response to HTTPS client|HTTP request to an HTTPS server/i,
    message: ({ registry, pushing }) =>
      `The registry ${registry} doesn't speak TLS there. For a registry in your own network ${pushing === true ? 'give --plain-http' : 'set disk.snapshot.registry.plainHTTP: true'}.`,
  },
  {
    reason: 'RegistryUnreachable',
    pattern: /no such host|server misbehaving|name resolution/i,
    message: ({ registry, pushing }) =>
      `There is no host called ${registry}. Correct the registry's name in ${pushing === true ? 'the reference' : "disk.snapshot.reference, or the cluster's DNS"}.`,
  },
  {
    reason: 'SnapshotDigestMismatch',
    pattern:
      /mismatch digest|digest mismatch|content digest|mismatched digest|failed to verify|size mismatch|mismatch size|mismatch content-length|trailing data|unexpected EOF/i,
    message: ({ registry, reference }) =>
      `The registry ${registry} sent something else than the digests of ${reference} say, or less of it. It is fetched again; if this stays, look at what stands between here and the registry, or push the snapshot again.`,
  },
  {
    reason: 'RegistryUnreachable',
    pattern:
      /connection refused|no route to host|network is unreachable|i\/o timeout|deadline exceeded|connection reset|broken pipe|server closed idle connection|EOF$/im,
    message: ({ registry }, detail) =>
      `The registry ${registry} can't be reached (${detail}). Check its address and port, that it runs, and network policies.`,
  },
  {
    reason: 'RegistryThrottled',
    pattern: /toomanyrequests|too many requests/i,
    status: (status) => status === 429,
    message: ({ registry }, _detail, { retryAfterSeconds }) =>
      `The registry ${registry} is asked too often and wants a pause${retryAfterSeconds === undefined ? '' : ` of ${retryAfterSeconds} s`}. It is asked again after that; a login with a higher limit, or a registry of your own, helps for good.`,
  },
  {
    reason: 'RegistryAuthFailed',
    pattern: /status code 401|unauthorized|authentication required|invalid username\/password/i,
    status: (status) => status === 401,
    message: (place) =>
      `The registry ${place.registry} refuses the login (wrong user name or password, or one that has expired). ${correctLogin(place)}`,
  },
  {
    reason: 'RegistryAccessDenied',
    pattern: /status code 403|denied|forbidden/i,
    status: (status) => status === 403,
    message: (place) =>
      place.content === true
        ? `The registry ${place.registry} gave the manifest of ${place.reference} and forbids a part of what it names. Most often the address of the registry's storage has expired on the way; it is asked for anew. If this stays, look at the rights of the login and at the registry's clock.`
        : `The registry ${place.registry} forbids ${place.pushing === true ? 'pushing to' : 'pulling from'} this repository. Give the user of the login the right to ${place.reference}, or use another login. ${correctLogin(place)}`,
  },
  {
    reason: 'SnapshotNotFound',
    pattern: /not found|status code 404|name unknown|manifest unknown/i,
    status: (status) => status === 404,
    message: ({ registry, reference, pushing, content }) =>
      content === true
        ? `The registry ${registry} has lost a part of ${reference}. Push the snapshot again.`
        : `The registry ${registry} has no ${reference}. ${pushing === true ? 'Correct the repository in the reference, or create it there.' : 'Correct the repository or tag in disk.snapshot.reference, or push the snapshot there.'}`,
  },
];

/** Turns what a failed oras command said into a failure. Never throws, and leaves out what looks like a secret. */
export function explainOras(run: OrasRun, place: Place): OciFailure {
  const detail = lastDetail(run.stderr);
  if (run.timedOut) {
    const message = `The registry ${place.registry} didn't answer in time. Check its address and port, that it runs, and network policies.`;
    return { reason: 'RegistryUnreachable', message };
  }
  const symptom = symptomOf(run, place);
  if (symptom === undefined) {
    const verb = place.pushing === true ? 'did not take' : 'could not give';
    const what = run.status === undefined ? detail : `HTTP status ${run.status}: ${detail}`;
    return {
      reason: 'RegistryFailed',
      message: `The registry ${place.registry} ${verb} ${place.reference} (${what}).`,
    };
  }
  const { retryAfterSeconds } = run;
  const message = symptom.message(place, detail, run);
  return { reason: symptom.reason, message, ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }) };
}

function symptomOf(run: OrasRun, place: Place): Symptom | undefined {
  const said = withoutNames(run.stderr, place.reference);
  const byWords = SYMPTOMS.find(({ pattern, status }) => status === undefined && pattern?.test(said));
  if (byWords !== undefined) return byWords;
  const { status } = run;
  // The number is certain; the words that registries put beside it differ.
  if (status !== undefined) return SYMPTOMS.find((symptom) => symptom.status?.(status));
  return SYMPTOMS.find(({ pattern }) => pattern?.test(said));
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
        .filter((word) => repository === '' || !word.includes(repository))
        .join(' '),
    )
    .join('\n');
}

/** The end of oras's first line, which is where Go's errors have the cause. */
function lastDetail(stderr: string): string {
  const line =
    stderr.split('\n').find((candidate) => /^Error/.test(candidate)) ?? stderr.trim().split('\n').at(-1) ?? '';
  const withoutRequest = line
    .replace(/^.*?"https?:\/\/[^"]*": /, '')
    .replace(/^Error[^":]*"[^"]*": /, '')
    .replace(/^Error[^:]*: /, '')
    .replace(/^failed to ingest: copy failed: /, '');
  return withoutSecrets(withoutRequest).slice(0, 300).trim() || 'it said nothing';
}

/** oras prints no credentials by itself, but a registry's answer and a redirect's address may hold some. */
function withoutSecrets(text: string): string {
  return text
    .replaceAll(/\/\/[^\s"@]*@/g, '//')
    .replaceAll(/(https?:\/\/[^\s"?]*)\?[^\s"]*/g, '$1')
    .replaceAll(/\b(basic|bearer)\s+\S+/gi, '$1 …')
    .replaceAll(/\b(password|passwd|secret|token|signature|credential)(["']?\s*[=:]\s*)\S+/gi, '$1$2…');
}
