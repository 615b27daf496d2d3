/**
 * Is `left` a later version of an object (or of a collection of its kind) than `right`? False also when nobody knows.
 *
 * Versions of Kubernetes' own kinds and of custom resources are decimal integers that grow, of any length (KEP-5504,
 * promised from 1.35 on and so ever since). Whatever looks otherwise, as an aggregated API's may, is opaque: it is the
 * same or it isn't.
 */
export function isLaterVersion(left: string | undefined, right: string | undefined): boolean {
  if (left === undefined || right === undefined || !DECIMAL.test(left) || !DECIMAL.test(right)) return false;
  return left.length === right.length ? left > right : left.length > right.length;
}

const DECIMAL = /^(0|[1-9][0-9]*)$/;
