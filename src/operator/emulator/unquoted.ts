import { ApiError, errorMessage } from '../../kube/errors.ts';

/**
 * The same error without what is secret. Errors end up in the log, in events and in the status, and whoever refuses an
 * object may quote it: an admission webhook's words are its own.
 * @param data of a Secret, each value in base64
 */
export function unquoted(error: unknown, data: Readonly<Record<string, string>>): Error {
  const encoded = Object.values(data);
  const secrets = encoded.flatMap((value) => [value, Buffer.from(value, 'base64').toString('utf8')]);
  const clean = (text: string): string =>
    secrets.filter((secret) => secret !== '').reduce((rest, secret) => rest.replaceAll(secret, '…'), text);
  if (!(error instanceof ApiError)) return new Error(clean(errorMessage(error)));
  const { code, reason, message, retryAfterSeconds, causes } = error;
  return new ApiError(code, reason, clean(message), {
    retryAfterSeconds,
    causes: causes.map((cause) => ({ ...cause, message: clean(cause.message) })),
  });
}
