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
  /** Tokens by the Emulator's UID. */
  readonly #tokens = new Map<string, string>();

  constructor(client: KubeClient, randomBytes: (size: number) => Buffer) {
    this.#client = client;
    this.#randomBytes = randomBytes;
  }

  /** Creates what isn't there; a Secret that is there already stays as it is. */
  async create(owner: Owner, spec: EmulatorSpec): Promise<void> {
    const vncSecret = spec.display.vnc.passwordSecretRef === undefined;
    await Promise.all([
      this.#createToken(owner),
      vncSecret
        ? this.#client.create(RESOURCES.secret, asObject(renderVncSecret(owner, this.#randomBytes)))
        : undefined,
    ]);
  }

  /** The bearer token for the agents of an Emulator; a Secret that was deleted is made again. */
  async token(owner: Owner, again: boolean): Promise<string> {
    const known = this.#tokens.get(owner.uid);
    if (known !== undefined && !again) return known;
    const name = childNames.agentSecret(owner.name);
    const secret = await this.#client.get<Secret>(RESOURCES.secret, owner.namespace, name);
    const encoded = secret?.data?.[AGENT_TOKEN_KEY];
    if (encoded === undefined) {
      await this.#createToken(owner);
      throw new Error(`Secret ${name} has no key ${AGENT_TOKEN_KEY}; it is made again when it is missing as a whole`);
    }
    const token = Buffer.from(encoded, 'base64').toString('utf8').trim();
    this.#tokens.set(owner.uid, token);
    return token;
  }

  /** Drops the token of an Emulator that is gone. */
  forget(uid: string): void {
    this.#tokens.delete(uid);
  }

  async #createToken(owner: Owner): Promise<void> {
    const secret = renderAgentSecret(owner, this.#randomBytes);
    const outcome = await this.#client.create(RESOURCES.secret, asObject(secret));
    if (outcome === 'AlreadyExists') return;
    this.#tokens.set(owner.uid, Buffer.from(secret.data?.[AGENT_TOKEN_KEY] ?? '', 'base64').toString('utf8'));
  }
}

/** Rendered objects are typed by the API's own model, whose times are Dates; those we render carry none. */
export function asObject<T extends KubeObject>(rendered: object): T {
  return rendered as T;
}
