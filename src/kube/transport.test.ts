import http from 'node:http';
import { expect, test } from 'vitest';
import { Transport } from './transport.ts';

const PODS = { group: '', version: 'v1', plural: 'pods', kind: 'Pod' };

test('a connection that never comes about ends like one that fell silent', async () => {
  const agent = new http.Agent({ lookup: () => undefined });
  const headers = {};
  const connection = { server: new URL('http://nowhere.test'), agent, headers: async () => headers };
  const request = { verb: 'list', resource: PODS, idleTimeoutMs: 50 } as const;
  await expect(new Transport(connection, {}).open(request)).rejects.toMatchObject({
    reason: 'Unreachable',
    message: 'GET /api/v1/pods: nothing heard for 0 s',
  });
});
