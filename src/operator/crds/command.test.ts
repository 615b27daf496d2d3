import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runApplyCrds } from './command.ts';

const emulators = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'emulators.loco.mroie.github.io' },
  spec: { versions: [{ name: 'v1alpha1', schema: { openAPIV3Schema: { properties: { spec: {} } } } }] },
};
const served = {
  ...emulators,
  status: { conditions: ['NamesAccepted', 'Established'].map((type) => ({ type, status: 'True' })) },
};

let folder: string;
let server: http.Server;
/** What the API server is asked, and what it answers to it. */
let asked: string[];
let answer: (method: string) => { code: number; body: unknown };

beforeEach(async () => {
  asked = [];
  answer = () => ({ code: 200, body: served });
  server = http.createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    request.resume().on('end', () => {
      const { code, body } = answer(request.method ?? '');
      response.writeHead(code, { 'Content-Type': 'application/json' }).end(JSON.stringify(body));
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  folder = await mkdtemp(join(tmpdir(), 'loco-crds-'));
  const { port } = server.address() as AddressInfo;
  const kubeconfig = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'it',
    contexts: [{ name: 'it', context: { cluster: 'it', user: 'it' } }],
    clusters: [{ name: 'it', cluster: { server: `http://127.0.0.1:${port}` } }],
    users: [{ name: 'it', user: {} }],
  };
  await writeFile(join(folder, 'kubeconfig'), JSON.stringify(kubeconfig));
});
afterEach(async () => {
  await new Promise((resolve) => {
    server.close(resolve);
    server.closeAllConnections();
  });
  await rm(folder, { recursive: true, force: true });
});

async function run(...args: string[]): Promise<{ code: number; log: string }> {
  const lines: string[] = [];
  const log = pino({ base: null }, { write: (line: string) => lines.push(line) });
  const code = await runApplyCrds(args, join(folder, 'kubeconfig'), log);
  return { code, log: lines.join('') };
}

const write = (name: string, value: unknown) => writeFile(join(folder, name), JSON.stringify(value));

describe('apply-crds', () => {
  it('applies the definitions of a folder by server-side apply, and says so', async () => {
    await write('emulators.json', emulators);
    const { code, log } = await run(folder);
    expect(log).toContain('applied emulators.loco.mroie.github.io');
    expect(code).toBe(0);
    const path = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions/emulators.loco.mroie.github.io';
    expect(asked).toEqual([`GET ${path}`, `PATCH ${path}?fieldManager=helm&force=true`, `GET ${path}`]);
  });

  it('ends with 2, so that nothing is tried again, where fields would go', async () => {
    await write('emulators.json', { ...emulators, spec: { versions: [{ name: 'v1alpha1' }] } });
    const { code, log } = await run(folder);
    expect(log).toContain('v1alpha1: spec');
    expect(code).toBe(2);
    expect((await run(folder, '--allow-removed-fields')).code).toBe(0);
  });

  it.each([
    ['ends with 2 where the API server understood and refuses', 422, 'Invalid', 2],
    ['ends with 1, so that it is tried again, where the API server can not do it now', 503, 'ServiceUnavailable', 1],
    ['ends with 1 where a right is missing: those of a role made just now may not count yet', 403, 'Forbidden', 1],
  ])('%s', async (_, code, reason, expected) => {
    await write('emulators.json', emulators);
    const refusal = { code, body: { kind: 'Status', reason, message: 'these are its words' } };
    answer = (method) => (method === 'GET' ? { code: 200, body: served } : refusal);
    const result = await run(folder);
    expect(result.log).toContain('these are its words');
    expect(result.code).toBe(expected);
  });

  it.each([
    ['a folder without any', undefined, 'there is no file *.json in '],
    ['a file that is something else', { kind: 'ConfigMap' }, 'emulators.json is no CustomResourceDefinition'],
  ])('asks nobody anything with %s, and says what is wrong', async (_, content, sentence) => {
    if (content !== undefined) await write('emulators.json', content);
    const { code, log } = await run(folder);
    expect(log).toContain(sentence);
    expect(code).not.toBe(0);
    expect(asked).toEqual([]);
  });

  it('says how it is used when it is given no folder', async () => {
    const { code, log } = await run();
    expect(log).toContain('usage: apply-crds FOLDER');
    expect(code).toBe(2);
  });
});
