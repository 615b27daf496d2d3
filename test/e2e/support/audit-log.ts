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
      apiGroup: z.string().optional(),
      resource: z.string(),
      subresource: z.string().optional(),
      namespace: z.string().optional(),
      name: z.string().optional(),
    })
    .optional(),
  responseStatus: z.object({ code: z.int().optional(), message: z.string().optional() }).optional(),
  annotations: z.record(z.string(), z.string()).optional(),
});
/** A finished request. */
export type Entry = z.infer<typeof entrySchema>;

/** Finished requests of the operator since `from`, as the API server's audit log has them. */
export async function operatorRequests(
  { auditLog, operatorNamespace }: Pick<Environment, 'auditLog' | 'operatorNamespace'>,
  from: Date,
): Promise<Entry[]> {
  return requestsOf(auditLog ?? '', `system:serviceaccount:${operatorNamespace}:loco-operator`, from);
}

/** Finished requests of an account since `from`, as the API server's audit log has them. */
export async function requestsOf(auditLog: string, username: string, from: Date): Promise<Entry[]> {
  const found: Entry[] = [];
  const input = createReadStream(auditLog);
  for await (const line of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
    if (!line.includes(username)) continue;
    const entry = entrySchema.safeParse(parseLine(line));
    if (!entry.success || entry.data.stage !== 'ResponseComplete' || entry.data.user.username !== username) continue;
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
