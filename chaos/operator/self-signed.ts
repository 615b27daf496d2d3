import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { execa } from 'execa';

/** A certificate that is its own authority, with its key, in PEM. */
export interface SelfSigned {
  readonly cert: string;
  readonly key: string;
}

/** Makes a certificate for a day, for a server at this address. */
export async function selfSigned(address: string): Promise<SelfSigned> {
  const folder = await mkdtemp(path.join(tmpdir(), 'loco-chaos-'));
  const [cert, key] = [path.join(folder, 'cert'), path.join(folder, 'key')];
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  const names = ['-days', '1', '-subj', '/CN=chaos', '-addext', `subjectAltName=IP:${address}`];
  try {
    await execa('openssl', ['req', '-x509', ...curve, ...names, '-keyout', key, '-out', cert]);
    return { cert: await readFile(cert, 'utf8'), key: await readFile(key, 'utf8') };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
