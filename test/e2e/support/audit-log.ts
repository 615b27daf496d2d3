import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import type { Environment } from './environment.ts';

const entrySchema = z.object({
  stage: z.string(),
  verb: z.string(),
  userAgent: z.string().optional(),
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
/** A finished request. */
export type Entry = z.infer<typeof entrySchema>;

/** Finished requests of the operator since `from`, as the API server's audit log has them. */
export async function operatorRequests(
  environment: Pick<Environment, 'auditLog' | 'operatorNamespace'>,
  from: Date,
): Promise<Entry[]> {
  const operator = `system:serviceaccount:${environment.operatorNamespace}:`;
  const found: Entry[] = [];
  const input = createReadStream(environment.auditLog ?? '');
  for await (const line of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
    if (!line.includes(operator)) continue;
    const entry = entrySchema.safeParse(parseLine(line));
    if (!entry.success || entry.data.stage !== 'ResponseComplete') continue;
    if (new Date(entry.data.requestReceivedTimestamp) >= from) found.push(entry.data);
  }
  return found;
}

/** The last line of a log that is being written may be half there. */
function parseLine(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
