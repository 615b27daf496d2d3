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
