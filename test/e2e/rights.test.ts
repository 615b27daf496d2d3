import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { Scenario } from './support/scenario.ts';
import { eventually } from './support/wait.ts';

const entrySchema = z.object({
  stage: z.string(),
  verb: z.string(),
  requestReceivedTimestamp: z.iso.datetime(),
  user: z.object({ username: z.string() }),
  objectRef: z
    .object({
      resource: z.string(),
      subresource: z.string().optional(),
      namespace: z.string().optional(),
      name: z.string().optional(),
    })
    .optional(),
  annotations: z.record(z.string(), z.string()).optional(),
});
type Entry = z.infer<typeof entrySchema>;

const environment = new Scenario('rights').cluster.environment;

describe.skipIf(environment.auditLog === undefined)('what the operator does at the API server', () => {
  const scenario = new Scenario('rights');
  const operator = `system:serviceaccount:${environment.operatorNamespace}:`;

  beforeAll(() => scenario.open());
  afterAll(() => scenario.close());

  /** Finished requests of the operator since `from`, as the API server's audit log has them. */
  async function requests(from: Date): Promise<Entry[]> {
    const found: Entry[] = [];
    const lines = createInterface({
      input: createReadStream(environment.auditLog ?? ''),
      crlfDelay: Number.POSITIVE_INFINITY,
    });
    for await (const line of lines) {
      if (!line.includes(operator)) continue;
      const entry = entrySchema.safeParse(parseLine(line));
      if (!entry.success || entry.data.stage !== 'ResponseComplete') continue;
      if (new Date(entry.data.requestReceivedTimestamp) >= from) found.push(entry.data);
    }
    return found;
  }

  test('it is never denied, and reads secrets only by name', async () => {
    const start = new Date();
    await scenario.applyEmulator('watched', { storage: { mode: 'Persistent', size: '1Gi' } });
    await scenario.ready('watched');
    const all = await requests(start);
    expect(all.length).toBeGreaterThan(0);
    // The decision of RBAC, not the code: a namespace that is being deleted answers 403 too.
    expect(all.filter((entry) => entry.annotations?.['authorization.k8s.io/decision'] !== 'allow')).toEqual([]);
    const secrets = all.filter((entry) => entry.objectRef?.resource === 'secrets').map((entry) => entry.verb);
    expect(new Set(secrets).difference(new Set(['get', 'create']))).toEqual(new Set());
  });

  test('it neither reads nor writes an Emulator and its objects while nothing changes', async () => {
    const quiet = 15_000;
    await eventually(
      `${quiet / 1000} s have passed without a request about them`,
      async () => {
        const since = new Date(Date.now() - quiet);
        const own = (await requests(since)).filter((entry) => entry.objectRef?.namespace === scenario.namespace);
        return own.length === 0;
      },
      60_000,
      async () => JSON.stringify((await requests(new Date(Date.now() - quiet))).slice(0, 20), null, 1),
    );
  });
});

/** The last line of a log that is being written may be half there. */
function parseLine(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
