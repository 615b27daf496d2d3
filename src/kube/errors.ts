import { z } from 'zod';

/** `Status` objects, in which the API server explains a failure. */
const statusSchema = z.object({
  reason: z.string().optional(),
  message: z.string().optional(),
  details: z
    .object({
      retryAfterSeconds: z.number().optional(),
      causes: z
        .array(
          z.object({ reason: z.string().optional(), message: z.string().optional(), field: z.string().optional() }),
        )
        .optional(),
    })
    .optional(),
  code: z.number().optional(),
});

/** One of the things that were wrong, in the API server's words. */
export interface Cause {
  /** CamelCase, for example `NamespaceTerminating` or `FieldManagerConflict`; empty when it gave none. */
  readonly reason: string;
  readonly message: string;
  /** Path of the field, empty when it is about none. */
  readonly field: string;
}

/** A request that the API server answered with a failure, or could not be asked at all (`code` 0). */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  /** HTTP status; 0 when no answer came. */
  readonly code: number;
  /** The API server's own CamelCase word, for example `Conflict`; `Unreachable` when no answer came. */
  readonly reason: string;
  /** Seconds after which the server wants to be asked again. */
  readonly retryAfterSeconds: number | undefined;
  /** What exactly was wrong. */
  readonly causes: readonly Cause[];

  constructor(
    code: number,
    reason: string,
    message: string,
    more: { retryAfterSeconds?: number | undefined; causes?: readonly Cause[] } = {},
  ) {
    super(message);
    this.code = code;
    this.reason = reason;
    this.retryAfterSeconds = more.retryAfterSeconds;
    this.causes = more.causes ?? [];
  }
}

/** Whoever asks for more patience than this is asked again all the same. */
const PATIENCE_SECONDS = 60;

/**
 * The error of a response's body: a `Status` when it is one, else its first 200 characters.
 * @param header what the answer's Retry-After says, and the time in epoch milliseconds to count a date in it from
 */
export function apiErrorFrom(
  code: number,
  body: string,
  header?: { retryAfter?: string | undefined; now: number },
): ApiError {
  const status = statusSchema.safeParse(parseJson(body));
  const fromHeader = header?.retryAfter === undefined ? undefined : secondsUntil(header.retryAfter, header.now);
  if (!status.success) return new ApiError(code, `HTTP${code}`, body.slice(0, 200), { retryAfterSeconds: fromHeader });
  const { reason, message, details } = status.data;
  const asked = details?.retryAfterSeconds ?? fromHeader;
  return new ApiError(code, reason || `HTTP${code}`, message ?? body.slice(0, 200), {
    retryAfterSeconds: asked === undefined ? undefined : Math.min(asked, PATIENCE_SECONDS),
    causes: (details?.causes ?? []).map(({ reason = '', message = '', field = '' }) => ({ reason, message, field })),
  });
}

/** Retry-After is a number of seconds or an HTTP date (RFC 9110, 10.2.3); undefined when it is neither. */
function secondsUntil(retryAfter: string, now: number): number | undefined {
  const seconds = /^\s*\d+\s*$/.test(retryAfter) ? Number(retryAfter) : (Date.parse(retryAfter) - now) / 1000;
  return Number.isNaN(seconds) ? undefined : Math.min(Math.max(seconds, 0), PATIENCE_SECONDS);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Proxies and load balancers answer with HTML; the caller shows the text as it is.
    return undefined;
  }
}

/** The failure of a request to which no answer came: DNS, TLS, refused, reset, timed out. */
export function unreachable(what: string, cause: unknown): ApiError {
  const error = new ApiError(0, 'Unreachable', `${what}: ${errorMessage(cause)}`);
  error.cause = cause;
  return error;
}

/** The namespace is being deleted: nothing can be created in it any more, and nothing needs to be. */
export function isNamespaceTerminating(error: unknown): boolean {
  return error instanceof ApiError && error.causes.some(({ reason }) => reason === 'NamespaceTerminating');
}

/** How the API server begins its answer, with code 500, to an applied object that doesn't fit its kind's schema. */
const DOES_NOT_FIT = 'failed to create typed patch object';

/** The API server understood the request and won't do it: trying again alone doesn't help. */
export function isRefusal(error: unknown): boolean {
  if (!(error instanceof ApiError)) return false;
  return [400, 403, 405, 413, 422].includes(error.code) || error.message.startsWith(DOES_NOT_FIT);
}

/** What a thrown value says, whatever it is. */
export function errorMessage(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code =
    'code' in error && typeof error.code === 'string' && !error.message.includes(error.code) ? `${error.code} ` : '';
  return `${code}${error.message}` || error.name;
}

/** The version that a watch or a paged list asked for is no longer kept: list again. */
export function isGone(error: unknown): boolean {
  return error instanceof ApiError && (error.code === 410 || error.reason === 'Expired' || error.reason === 'Gone');
}

export function isNotFound(error: unknown): boolean {
  return error instanceof ApiError && error.code === 404;
}

/** Somebody else owns a field, a precondition did not hold, or the object is there already. */
export function isConflict(error: unknown): boolean {
  return error instanceof ApiError && error.code === 409;
}

/** The fence held the write back: somebody else may lead by now. */
export function isNotLeader(error: unknown): boolean {
  return error instanceof ApiError && error.reason === 'NotLeader';
}
