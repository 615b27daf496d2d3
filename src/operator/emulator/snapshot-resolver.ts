import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { KubeClient } from '../../kube/client.ts';
import { errorMessage } from '../../kube/errors.ts';
import type { KubeObject } from '../../kube/object.ts';
import { parseReference, withDigest } from '../../oci/reference.ts';
import type { ResolveAttempt, ResolveFailure, ResolveRequest } from './observed.ts';
import { RESOURCES } from './resource.ts';
import { sameRequest } from './snapshot.ts';

type Secret = KubeObject & { readonly type?: string; readonly data?: Readonly<Record<string, string>> };
type ConfigMap = KubeObject & { readonly data?: Readonly<Record<string, string>> };
type Resolved = { readonly digest: string } | { readonly failure: ResolveFailure };

/**
 * A registry that doesn't answer must not keep a machine waiting for much longer than the next try would. oras asks a
 * registry that throttles or fails again for up to 15 s; only then it says which.
 */
const TIMEOUT_MS = 20_000;

export interface ResolverContext {
  readonly client: KubeClient;
  /** Path of the oras binary. */
  readonly oras: string;
  readonly now: () => Date;
  /** A clock that nobody sets, in milliseconds. */
  readonly monotonic: () => number;
  /** An attempt has ended. */
  readonly onEnd: (emulatorKey: string, attempt: ResolveAttempt) => void;
}

/**
 * Asks registries which digest a reference has, one attempt at a time per Emulator, beside the work queue: a slow
 * registry holds up nobody. Each attempt reads the pull secret and the CA anew, one uncached GET each, and leaves
 * nothing on the disk.
 */
export class SnapshotResolver {
  readonly #context: ResolverContext;
  readonly #attempts = new Map<string, ResolveAttempt>();
  readonly #running = new Set<Promise<void>>();
  #abort = new AbortController();

  constructor(context: ResolverContext) {
    this.#context = context;
  }

  attempt(emulatorKey: string): ResolveAttempt | undefined {
    return this.#attempts.get(emulatorKey);
  }

  start(emulatorKey: string, namespace: string, request: ResolveRequest): void {
    const last = this.#attempts.get(emulatorKey);
    if (last?.running) return;
    const same = last !== undefined && sameRequest(last.request, request);
    const started: ResolveAttempt = {
      request,
      running: true,
      digest: undefined,
      failure: same ? last.failure : undefined,
      failures: same ? last.failures : 0,
      endedAt: same ? last.endedAt : undefined,
      goodSince: same ? last.goodSince : undefined,
    };
    this.#attempts.set(emulatorKey, started);
    const work = this.#run(emulatorKey, namespace, started).finally(() => this.#running.delete(work));
    this.#running.add(work);
  }

  forget(emulatorKey: string): void {
    this.#attempts.delete(emulatorKey);
  }

  /** Gives up what is under way, untold, and forgets what was; what is asked for later begins anew. */
  async stop(): Promise<void> {
    this.#abort.abort();
    this.#abort = new AbortController();
    this.#attempts.clear();
    await Promise.all(this.#running);
  }

  async #run(key: string, namespace: string, started: ResolveAttempt): Promise<void> {
    const { request, failures, goodSince } = started;
    const { signal } = this.#abort;
    const resolved = await this.#resolve(namespace, request, signal).catch((error: unknown) => ({
      failure: { reason: 'ResolveFailed', message: errorMessage(error) },
    }));
    // The Emulator may be gone by now, or another one of its name be there with an attempt of its own.
    if (signal.aborted || this.#attempts.get(key) !== started) return;
    const ended = { request, running: false, endedAt: this.#context.monotonic() };
    const attempt: ResolveAttempt =
      'digest' in resolved
        ? {
            ...ended,
            digest: resolved.digest,
            failure: undefined,
            failures: 0,
            goodSince: goodSince ?? this.#context.now(),
          }
        : { ...ended, digest: undefined, failure: resolved.failure, failures: failures + 1, goodSince: undefined };
    this.#attempts.set(key, attempt);
    this.#context.onEnd(key, attempt);
  }

  async #resolve(namespace: string, request: ResolveRequest, signal: AbortSignal): Promise<Resolved> {
    const folder = await mkdtemp(join(tmpdir(), 'loco-resolve-'));
    try {
      const login = await this.#loginFile(folder, namespace, request);
      if (typeof login === 'object') return { failure: login };
      const ca = await this.#caFile(folder, namespace, request);
      if (typeof ca === 'object') return { failure: ca };
      // Most operators never ask a registry, and what starts oras is a good part of what there is to load.
      const { resolveReference } = await import('../../oci/resolve.ts');
      const result = await resolveReference(referenceOf(request), {
        oras: this.#context.oras,
        plainHTTP: request.plainHTTP,
        registryConfig: login,
        caFile: ca,
        timeoutMilliseconds: TIMEOUT_MS,
        signal,
      });
      return result.ok ? { digest: result.value.digest } : { failure: result.failure };
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  async #loginFile(
    folder: string,
    namespace: string,
    request: ResolveRequest,
  ): Promise<string | ResolveFailure | undefined> {
    const name = request.pullSecret;
    if (name === undefined) return undefined;
    const secret = await this.#context.client.get<Secret>(RESOURCES.secret, namespace, name);
    const encoded = secret?.data?.['.dockerconfigjson'];
    if (encoded === undefined) {
      const what = secret === undefined ? 'does not exist' : 'has no key .dockerconfigjson';
      const message = `Secret ${name} (spec.disk.snapshot.pullSecretRef) ${what}. Make it with: kubectl create secret docker-registry -n ${namespace} ${name} …`;
      return { reason: 'PullSecretMissing', message };
    }
    return write(join(folder, 'config.json'), Buffer.from(encoded, 'base64'));
  }

  async #caFile(
    folder: string,
    namespace: string,
    request: ResolveRequest,
  ): Promise<string | ResolveFailure | undefined> {
    if (request.ca === undefined) return undefined;
    const { name, key } = request.ca;
    const configMap = await this.#context.client.get<ConfigMap>(RESOURCES.configMap, namespace, name);
    const text = configMap?.data?.[key];
    if (text === undefined) {
      const what = configMap === undefined ? 'does not exist' : `has no key ${key}`;
      const message = `ConfigMap ${name} (spec.disk.snapshot.registry.caBundleRef) ${what}. It has to hold the CA's PEM certificates.`;
      return { reason: 'CABundleMissing', message };
    }
    return write(join(folder, 'ca.crt'), Buffer.from(text));
  }
}

/** With the digest where only that is asked for: what a tag is by now doesn't matter. */
function referenceOf({ reference, digest }: ResolveRequest): string {
  const parsed = parseReference(reference);
  return digest === undefined || !parsed.ok ? reference : withDigest(parsed.value, digest);
}

async function write(path: string, content: Buffer): Promise<string> {
  await writeFile(path, content, { mode: 0o600, flag: 'wx' });
  return path;
}
