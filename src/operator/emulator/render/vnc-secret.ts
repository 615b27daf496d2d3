import type { V1Secret } from '@kubernetes/client-node';
import { childNames } from '../names.ts';
import { childMetadata, type Owner } from './owner.ts';

/** Key of the password in the Secret that the operator makes; mounted under the same name. */
export const VNC_PASSWORD_KEY = 'password';

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

/** VNC authentication looks at eight characters and no more. */
const PASSWORD_LENGTH = 8;

/** Eight alphanumerics, each equally likely: bytes beyond the last full round of the alphabet are thrown away. */
function randomPassword(randomBytes: (size: number) => Buffer): string {
  const limit = 256 - (256 % ALPHABET.length);
  let password = '';
  while (password.length < PASSWORD_LENGTH) {
    for (const byte of randomBytes(PASSWORD_LENGTH)) {
      if (byte < limit && password.length < PASSWORD_LENGTH) password += ALPHABET[byte % ALPHABET.length];
    }
  }
  return password;
}

/** The password of the machines' screens, for an Emulator that names no Secret of its own. Created once. */
export function renderVncSecret(owner: Owner, randomBytes: (size: number) => Buffer): V1Secret {
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: childMetadata(owner, childNames.vncSecret(owner.name)),
    type: 'Opaque',
    data: { [VNC_PASSWORD_KEY]: Buffer.from(randomPassword(randomBytes)).toString('base64') },
  };
}
