import pLimit from 'p-limit';
import type { EmulatorSpec } from '../../api/emulator/schema.ts';
import { allEnded } from '../../kube/all-ended.ts';
import type { KubeClient } from '../../kube/client.ts';
import type { KubeObject } from '../../kube/object.ts';
import { foreignChild } from './foreign-child.ts';
import { childNames } from './names.ts';
import type { ForeignChild } from './observed.ts';
import { AGENT_TOKEN_KEY, renderAgentSecret } from './render/agent-secret.ts';
import type { Owner } from './render/owner.ts';
import { renderVncSecret } from './render/vnc-secret.ts';
import { RESOURCES } from './resource.ts';
import { unquoted } from './unquoted.ts';

type Secret = KubeObject & { readonly data?: Readonly<Record<string, string>> };

/** Agents that refuse a token do so at every try, and the Secret is rarely what is wrong. */
const REFUSED_MS = 30_000;
/** What couldn't be read is read again after this time, for however many machines. */
const FAILED_MS = 5_000;
/** After a restart the token of every Emulator is wanted at once, and each read under way has a connection of its own. */
const READS_AT_ONCE = 16;

/** A token that was read or is just being read: many machines ask at once. */
interface Reading {
  readonly token: Promise<string>;
  /** On the monotonic clock, in milliseconds. */
  readonly at: number;
  failed: boolean;
}

/** Somebody else wrote the agents' Secret, and there is no token in it. */
export class SecretWithoutToken extends Error {
  override readonly name = 'SecretWithoutToken';
}

/**
 * The Secrets of Emulators. The operator may create Secrets and get them by name, and neither list nor watch them. A
 * token is read once per Emulator and process, and again when an agent refuses it, though not for each of its tries.
 */
export class EmulatorSecrets {
  readonly #client: KubeClient;
  readonly #randomBytes: (size: number) => Buffer;
  readonly #monotonic: () => number;
  /** By the Emulator's UID. */
  readonly #readings = new Map<string, Reading>();
  readonly #inTurn = pLimit(READS_AT_ONCE);

  constructor(client: KubeClient, randomBytes: (size: number) => Buffer, monotonic: () => number) {
    this.#client = client;
    this.#randomBytes = randomBytes;
    this.#monotonic = monotonic;
  }

  /**
   * Creates what isn't there; a Secret that is there already stays as it is. Resolves with those that go with another
   * Emulator: when that one is gone, so are they, and they are to be made then.
   * @throws SecretWithoutToken when there is one that agents can't read a token from
   */
  async create(owner: Owner, spec: EmulatorSpec): Promise<ForeignChild[]> {
    const agent = this.#ensure(renderAgentSecret(owner, this.#randomBytes));
    const ownPassword = spec.display.vnc.passwordSecretRef === undefined;
    const vnc = ownPassword ? [this.#ensure(renderVncSecret(owner, this.#randomBytes))] : [];
    const there = await allEnded([agent, ...vnc]);
    const foreign = there.map((secret) => foreignChild(secret, owner)).filter((child) => child !== undefined);
    if (foreign.length === 0) this.#keep(owner, Promise.resolve(tokenOf(there[0])));
    return foreign;
  }

  /**
   * The bearer token for the agents of an Emulator; a Secret that was deleted is made again. `again`: the one known was
   * refused; it is returned all the same where it was read just now.
   */
  token(owner: Owner, again: boolean): Promise<string> {
    const last = this.#readings.get(owner.uid);
    if (last !== undefined && !this.#isOver(last, again)) return last.token;
    return this.#keep(
      owner,
      this.#inTurn(() => this.#readToken(owner)),
    );
  }

  /** Drops the token of an Emulator that is gone. */
  forget(uid: string): void {
    this.#readings.delete(uid);
  }

  #isOver({ at, failed }: Reading, again: boolean): boolean {
    const age = this.#monotonic() - at;
    return failed ? age >= FAILED_MS : again && age >= REFUSED_MS;
  }

  #keep({ uid }: Owner, token: Promise<string>): Promise<string> {
    const reading: Reading = { token, at: this.#monotonic(), failed: false };
    this.#readings.set(uid, reading);
    // Whoever asks hears of a failure; that nobody does must not end the process.
    token.catch(() => {
      reading.failed = true;
    });
    return token;
  }

  async #readToken(owner: Owner): Promise<string> {
    const name = childNames.agentSecret(owner.name);
    const secret = await this.#client.get<Secret>(RESOURCES.secret, owner.namespace, name);
    return tokenOf(secret ?? (await this.#ensure(renderAgentSecret(owner, this.#randomBytes))));
  }

  /** The Secret of this name as it is, made when there is none. */
  async #ensure(rendered: object): Promise<Secret> {
    const secret = asObject<Secret>(rendered);
    const created = await this.#client.create(RESOURCES.secret, secret).catch((error: unknown) => {
      throw unquoted(error, secret.data ?? {});
    });
    if (created === 'Created') return secret;
    const { name, namespace = '' } = secret.metadata;
    const there = await this.#client.get<Secret>(RESOURCES.secret, namespace, name);
    if (there === undefined) throw new Error(`Secret ${name} went away just now: it is made at the next try`);
    return { ...there, kind: 'Secret' };
  }
}

/** What a header may have in it as one word: a line break would begin another. */
const TOKEN = /^[\x21-\x7e]+$/;

/** @throws SecretWithoutToken */
function tokenOf({ metadata, data }: Secret): string {
  const encoded = data?.[AGENT_TOKEN_KEY];
  const without = (what: string): SecretWithoutToken =>
    new SecretWithoutToken(`Secret ${metadata.name} ${what}: delete it, it is made again`);
  if (encoded === undefined) throw without(`has no key ${AGENT_TOKEN_KEY}, by which machines tell how they are`);
  const token = Buffer.from(encoded, 'base64').toString('utf8').trim();
  if (!TOKEN.test(token)) throw without(`has a key ${AGENT_TOKEN_KEY} that isn't one word of ASCII characters`);
  return token;
}

/** Rendered objects are typed by the API's own model, whose times are Dates; those we render carry none. */
export function asObject<T extends KubeObject>(rendered: object): T {
  return rendered as T;
}
