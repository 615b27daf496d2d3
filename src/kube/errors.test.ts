import { expect, test } from 'vitest';
import { ApiError, apiErrorFrom, isGone, isNamespaceTerminating, isRefusal } from './errors.ts';

test('a Status object gives its reason, its message and what the server asks for', () => {
  const details = { retryAfterSeconds: 7, causes: [{ reason: 'NamespaceTerminating' }] };
  const error = apiErrorFrom(403, JSON.stringify({ kind: 'Status', reason: 'Forbidden', message: 'no', details }));
  expect(error).toMatchObject({ code: 403, reason: 'Forbidden', message: 'no', retryAfterSeconds: 7 });
  expect([isNamespaceTerminating(error), isRefusal(error), isGone(error)]).toEqual([true, true, false]);
});

test('the answer of a proxy that knows no Status objects is shown as it is', () => {
  expect(apiErrorFrom(502, '<html>bad gateway</html>', { retryAfter: '3', now: 0 })).toMatchObject({
    reason: 'HTTP502',
    message: '<html>bad gateway</html>',
    retryAfterSeconds: 3,
  });
});

test('an applied object that does not fit its schema is refused, though the API server answers 500', () => {
  const words = 'failed to create typed patch object (games/pc; apps/v1, Kind=StatefulSet): .spec: expected map';
  expect(isRefusal(new ApiError(500, 'InternalError', words))).toBe(true);
  expect(isRefusal(new ApiError(500, 'InternalError', 'etcdserver: request timed out'))).toBe(false);
});

test.each([
  ['7', 7],
  ['Thu, 01 Jan 1970 00:00:42 GMT', 32],
  ['Thu, 01 Jan 1970 00:00:01 GMT', 0],
  ['86400', 60],
  ['soon', undefined],
  ['', undefined],
])('Retry-After: %s at 10 s after the epoch is %s s', (retryAfter, seconds) => {
  expect(apiErrorFrom(429, 'busy', { retryAfter, now: 10_000 }).retryAfterSeconds).toBe(seconds);
});

test('what a Status asks for counts before the header, and no more than a minute of it', () => {
  const status = JSON.stringify({ kind: 'Status', reason: 'TooManyRequests', details: { retryAfterSeconds: 600 } });
  expect(apiErrorFrom(429, status, { retryAfter: '3', now: 0 }).retryAfterSeconds).toBe(60);
});

test('causes are told whole, with what is missing as empty', () => {
  const causes = [{ reason: 'FieldManagerConflict', message: 'by kubectl', field: '.spec.replicas' }, {}];
  expect(apiErrorFrom(409, JSON.stringify({ kind: 'Status', reason: 'Conflict', details: { causes } })).causes).toEqual(
    [
      { reason: 'FieldManagerConflict', message: 'by kubectl', field: '.spec.replicas' },
      { reason: '', message: '', field: '' },
    ],
  );
});
