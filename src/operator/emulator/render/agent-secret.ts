import type { V1Secret } from '@kubernetes/client-node';
import { childNames } from '../names.ts';
import { childMetadata, type Owner } from './owner.ts';

/** Key of the agent's bearer token in its Secret; mounted under the same name. */
export const AGENT_TOKEN_KEY = 'token';

/** Bytes of randomness in the token. */
const TOKEN_BYTES = 32;

/** The bearer token between the operator and the agents of one Emulator. Created once, never changed. */
export function renderAgentSecret(owner: Owner, randomBytes: (size: number) => Buffer): V1Secret {
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: childMetadata(owner, childNames.agentSecret(owner.name)),
    type: 'Opaque',
    immutable: true,
    data: { [AGENT_TOKEN_KEY]: Buffer.from(randomBytes(TOKEN_BYTES).toString('hex')).toString('base64') },
  };
}
