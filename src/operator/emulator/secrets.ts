import type { EmulatorSpec } from '../../api/emulator/schema.ts';
import type { KubeClient } from '../../kube/client.ts';
import type { KubeObject } from '../../kube/object.ts';
import { childNames } from './names.ts';
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

  /** Creates what isn't there; a Secret that is there already stays as it is. */
  async create(owner: Owner, spec: EmulatorSpec): Promise<void> {
    const vncSecret = spec.display.vnc.passwordSecretRef === undefined;
    const token = this.#createToken(owner);
    const vnc = vncSecret && this.#client.create(RESOURCES.secret, asObject(renderVncSecret(owner, this.#randomBytes)));
    await Promise.all([token, vnc]);
    this.#tokens.set(owner.uid, token);
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
    if (secret === undefined) return this.#createToken(owner);
    const encoded = secret.data?.[AGENT_TOKEN_KEY];
    if (encoded === undefined)
      throw new Error(`Secret ${name} has no key ${AGENT_TOKEN_KEY}: delete it, it is made again`);
    return Buffer.from(encoded, 'base64').toString('utf8').trim();
  }

  async #createToken(owner: Owner): Promise<string> {
    const secret = renderAgentSecret(owner, this.#randomBytes);
    const outcome = await this.#client.create(RESOURCES.secret, asObject(secret));
    if (outcome === 'AlreadyExists') return this.#readToken(owner);
    return Buffer.from(secret.data?.[AGENT_TOKEN_KEY] ?? '', 'base64').toString('utf8');
  }
}

/** Rendered objects are typed by the API's own model, whose times are Dates; those we render carry none. */
export function asObject<T extends KubeObject>(rendered: object): T {
  return rendered as T;
}
