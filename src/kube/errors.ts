import { z } from 'zod';

/** `Status` objects, in which the API server explains a failure. */
const statusSchema = z.object({
  reason: z.string().optional(),
  message: z.string().optional(),
  details: z
    .object({
      retryAfterSeconds: z.number().optional(),
      causes: z.array(z.object({ reason: z.string().optional() })).optional(),
    })
    .optional(),
  code: z.number().optional(),
});

/** A request that the API server answered with a failure, or could not be asked at all (`code` 0). */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  /** HTTP status; 0 when no answer came. */
  readonly code: number;
  /** The API server's own CamelCase word, for example `Conflict`; `Unreachable` when no answer came. */
  readonly reason: string;
  /** Seconds after which the server wants to be asked again. */
  readonly retryAfterSeconds: number | undefined;
  /** The API server's words for what exactly was wrong, for example `NamespaceTerminating`. */
  readonly causes: readonly string[];

  constructor(
    code: number,
    reason: string,
    message: string,
    more: { retryAfterSeconds?: number | undefined; causes?: readonly string[] } = {},
  ) {
    super(message);
    this.code = code;
    this.reason = reason;
    this.retryAfterSeconds = more.retryAfterSeconds;
    this.causes = more.causes ?? [];
  }
}

/** The error of a response's body: a `Status` when it is one, else its first 200 characters. */
export function apiErrorFrom(code: number, body: string, retryAfterHeader?: string): ApiError {
  const status = statusSchema.safeParse(parseJson(body));
  const header = Number(retryAfterHeader);
  const fromHeader = retryAfterHeader !== undefined && Number.isFinite(header) ? header : undefined;
  if (!status.success) return new ApiError(code, `HTTP${code}`, body.slice(0, 200), { retryAfterSeconds: fromHeader });
  const { reason, message, details } = status.data;
  return new ApiError(code, reason || `HTTP${code}`, message ?? body.slice(0, 200), {
    retryAfterSeconds: details?.retryAfterSeconds ?? fromHeader,
    causes: (details?.causes ?? []).map((cause) => cause.reason ?? ''),
  });
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
  return error instanceof ApiError && error.causes.includes('NamespaceTerminating');
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
