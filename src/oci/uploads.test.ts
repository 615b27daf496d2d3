import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it } from 'vitest';
import { Uploads } from './uploads.ts';

it('a push that waits for a registry to recover ends at once when it is told to', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'loco-uploads-'));
  const oras = path.join(folder, 'oras');
  const error = 'Error: PUT "https://r/v2/x/blobs/1": response status code 503: Service Unavailable';
  await writeFile(oras, `#!/bin/sh\ncat > ${folder}/body\necho '${error}' >&2\nexit 1\n`, { mode: 0o755 });
  const stop = new AbortController();
  const access = { oras, registryConfig: 'none', caFile: 'none', plainHTTP: false, signal: stop.signal };
  const uploads = new Uploads({ registry: 'r', repository: 'x', tag: 'v1' }, access, new Set());
  await uploads.add({ digest: `sha256:${'a'.repeat(64)}`, bytes: Buffer.from('x') });
  let toldAt = 0;
  setTimeout(() => {
    toldAt = performance.now();
    stop.abort();
  }, 500);
  await uploads.end();
  // Of the pause of 2 s, 1.5 s are left then.
  expect(performance.now() - toldAt).toBeLessThan(1400);
  expect(uploads.failure).toMatchObject({ reason: 'RegistryFailed' });
});
