import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { z } from 'zod';

/** A request that the API server answered, as its audit log has it. */
export interface AuditEntry {
  /** Milliseconds since the epoch: when it was received, and when it was answered. */
  readonly receivedAt: number;
  readonly answeredAt: number;
  readonly verb: string;
  readonly code: number;
  readonly user: string;
  /** The operator's name for itself, for one of its requests. */
  readonly identity: string | undefined;
  readonly resource: string;
  readonly subresource: string | undefined;
  readonly namespace: string;
  readonly name: string;
}

const eventSchema = z.object({
  stage: z.string(),
  verb: z.string(),
  userAgent: z.string().default(''),
  user: z.object({ username: z.string().default('') }).default({ username: '' }),
  objectRef: z
    .object({
      resource: z.string().default(''),
      subresource: z.string().optional(),
      namespace: z.string().default(''),
      name: z.string().default(''),
    })
    .optional(),
  responseStatus: z.object({ code: z.int().default(0) }).optional(),
  requestReceivedTimestamp: z.string(),
  stageTimestamp: z.string(),
});

/** Verbs that change something. */
const MUTATIONS: readonly string[] = ['create', 'update', 'patch', 'delete', 'deletecollection'];

export function isMutation({ verb }: Pick<AuditEntry, 'verb'>): boolean {
  return MUTATIONS.includes(verb);
}

/** The identity in `loco-operator/<version> (<identity>)`. */
function identityIn(userAgent: string): string | undefined {
  return /^loco-operator\/\S+ \((.+)\)$/.exec(userAgent)?.[1];
}

/** One line of the log; undefined for what is no answered request on an object. */
export function parseAuditLine(line: string): AuditEntry | undefined {
  let json: unknown;
  try {
    json = JSON.parse(line);
  } catch {
    // The API server was killed while it wrote this line.
    return undefined;
  }
  const parsed = eventSchema.safeParse(json);
  if (!parsed.success || parsed.data.objectRef === undefined || parsed.data.stage !== 'ResponseComplete') {
    return undefined;
  }
  const { verb, user, userAgent, objectRef, responseStatus } = parsed.data;
  return {
    receivedAt: Date.parse(parsed.data.requestReceivedTimestamp),
    answeredAt: Date.parse(parsed.data.stageTimestamp),
    verb,
    code: responseStatus?.code ?? 0,
    user: user.username,
    identity: identityIn(userAgent),
    resource: objectRef.resource,
    subresource: objectRef.subresource,
    namespace: objectRef.namespace,
    name: objectRef.name,
  };
}

/** Requests that `keep` wants, of those that were received in the span, in the order of the log. */
export async function readAudit(
  file: string,
  span: { fromMs: number; toMs: number },
  keep: (entry: AuditEntry) => boolean,
): Promise<AuditEntry[]> {
  const entries: AuditEntry[] = [];
  for await (const line of createInterface({ input: createReadStream(file), crlfDelay: Number.POSITIVE_INFINITY })) {
    // Most lines are others' reading; looking at the text first is much cheaper than parsing all of them.
    if (!MUTATIONS.some((verb) => line.includes(`"verb":"${verb}"`))) continue;
    const entry = parseAuditLine(line);
    if (entry === undefined || entry.receivedAt < span.fromMs || entry.receivedAt > span.toMs) continue;
    if (keep(entry)) entries.push(entry);
  }
  return entries;
}
