import { appendFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { AuditTail } from './audit-tail.ts';

let folder: string;
let file: string;

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'loco-audit-'));
  file = path.join(folder, 'audit.log');
});

afterEach(() => rm(folder, { recursive: true }));

function line(username: string, resource: string): string {
  const times = {
    requestReceivedTimestamp: '2026-11-21T10:00:00.000000Z',
    stageTimestamp: '2026-11-21T10:00:00.010000Z',
  };
  const answered = { stage: 'ResponseComplete', verb: 'create', responseStatus: { code: 201 }, ...times };
  return `${JSON.stringify({ ...answered, user: { username }, objectRef: { resource } })}\n`;
}

test('tells of one user, each request once, from the end of the log on', async () => {
  await writeFile(file, line('me', 'before'));
  const tail = await AuditTail.atEnd(file, 'me');
  await appendFile(file, `${line('me', 'services')}${line('you', 'services')}`);
  expect((await tail.read()).map(({ resource }) => resource)).toEqual(['services']);
  expect(await tail.read()).toEqual([]);
});

test('waits for the rest of a line that is half written', async () => {
  await writeFile(file, '');
  const tail = await AuditTail.atEnd(file, 'me');
  const text = line('me', 'secrets');
  await appendFile(file, text.slice(0, 50));
  expect(await tail.read()).toEqual([]);
  await appendFile(file, text.slice(50));
  expect((await tail.read()).map(({ resource }) => resource)).toEqual(['secrets']);
});
