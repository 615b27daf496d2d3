import http from 'node:http';
import { expect, test } from 'vitest';
import { openResponse } from './transport.ts';

test('a connection that never comes about ends like one that fell silent', async () => {
  const agent = new http.Agent({ lookup: () => undefined });
  const connection = { server: new URL('http://nowhere.test'), agent, headers: async () => ({}) };
  const request = { method: 'GET', path: '/version', idleTimeoutMs: 50 } as const;
  await expect(openResponse(connection, request, () => undefined)).rejects.toMatchObject({
    reason: 'Unreachable',
    message: 'GET /version: nothing heard for 0 s',
  });
});
