import type { EmulatorSpec } from '../../api/emulator/schema.ts';
import type { KubeClient } from '../../kube/client.ts';
import type { KubeObject } from '../../kube/object.ts';
import { foreignChild } from './foreign-child.ts';
import { childNames } from './names.ts';
import type { ForeignChild } from './observed.ts';
import { AGENT_TOKEN_KEY, renderAgentSecret } from './render/agent-secret.ts';
import type { Owner } from './render/owner.ts';
import { renderVncSecret } from './render/vnc-secret.ts';
import { RESOURCES } from './resource.ts';

type Secret = KubeObject & { readonly data?: Readonly<Record<string, string>> };

/**
 * The Secrets of Emulators. The operator may create Secrets and get them by name, and neither list nor watch them. A
 * token is read once per Emulator and process, and again when an agent refuses it.
 */
export class EmulatorSecrets {
  readonly #client: KubeClient;
  readonly #randomBytes: (size: number) => Buffer;
  /** Tokens by the Emulator's UID, also those that are just being read: many machines ask at once. */
  readonly #tokens = new Map<string, Promise<string>>();

  constructor(client: KubeClient, randomBytes: (size: number) => Buffer) {
    this.#client = client;
    this.#randomBytes = randomBytes;
  }

  /**
   * Creates what isn't there; a Secret that is there already stays as it is. Resolves with those that go with another
   * Emulator: when that one is gone, so are they, and they are to be made then.
   */
  async create(owner: Owner, spec: EmulatorSpec): Promise<ForeignChild[]> {
    const agent = this.#ensure(renderAgentSecret(owner, this.#randomBytes));
    const ownPassword = spec.display.vnc.passwordSecretRef === undefined;
    const vnc = ownPassword ? [this.#ensure(renderVncSecret(owner, this.#randomBytes))] : [];
    const there = await Promise.all([agent, ...vnc]);
    const foreign = there.map((secret) => foreignChild(secret, owner)).filter((child) => child !== undefined);
    if (foreign.length === 0) this.#tokens.set(owner.uid, agent.then(tokenOf));
    return foreign;
  }

  /** The bearer token for the agents of an Emulator; a Secret that was deleted is made again. */
  token(owner: Owner, again: boolean): Promise<string> {
    const known = this.#tokens.get(owner.uid);
    if (known !== undefined && !again) return known;
    const reading = this.#readToken(owner);
    this.#tokens.set(owner.uid, reading);
    // Nobody but those who ask now may see a failure.
    reading.catch(() => this.#tokens.get(owner.uid) === reading && this.#tokens.delete(owner.uid));
    return reading;
  }

  /** Drops the token of an Emulator that is gone. */
  forget(uid: string): void {
    this.#tokens.delete(uid);
  }

  async #readToken(owner: Owner): Promise<string> {
    const name = childNames.agentSecret(owner.name);
    const secret = await this.#client.get<Secret>(RESOURCES.secret, owner.namespace, name);
    return tokenOf(secret ?? (await this.#ensure(renderAgentSecret(owner, this.#randomBytes))));
  }

  /** The Secret of this name as it is, made when there is none. */
  async #ensure(rendered: object): Promise<Secret> {
    const secret = asObject<Secret>(rendered);
    if ((await this.#client.create(RESOURCES.secret, secret)) === 'Created') return secret;
    const { name, namespace = '' } = secret.metadata;
    const there = await this.#client.get<Secret>(RESOURCES.secret, namespace, name);
    if (there === undefined) throw new Error(`Secret ${name} went away just now: it is made at the next try`);
    return { ...there, kind: 'Secret' };
  }
}

/** @throws when the Secret holds no token */
function tokenOf({ metadata, data }: Secret): string {
  const encoded = data?.[AGENT_TOKEN_KEY];
  if (encoded === undefined)
    throw new Error(`Secret ${metadata.name} has no key ${AGENT_TOKEN_KEY}: delete it, it is made again`);
  return Buffer.from(encoded, 'base64').toString('utf8').trim();
}

/** Rendered objects are typed by the API's own model, whose times are Dates; those we render carry none. */
export function asObject<T extends KubeObject>(rendered: object): T {
  return rendered as T;
}
