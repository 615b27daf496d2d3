type Parts = Record<string, unknown>;

/**
 * Puts equal parts of `kept`, which is sealed, into a fresh value in place of its own: where both stay in memory, what
 * they have in common is there once. The labels of a thousand Services differ by a name, and the rest of them doesn't.
 * @returns `kept` where all of it is equal, otherwise the value
 */
export function shareParts<T>(value: T, kept: unknown): T {
  return share(value, kept) as T;
}

function share(value: unknown, kept: unknown): unknown {
  if (!isComposite(value) || !isComposite(kept) || Array.isArray(value) !== Array.isArray(kept)) return value;
  // Its parts are others' already.
  if (Object.isFrozen(value)) return value;
  const keys = Object.keys(value);
  let isEqual = keys.length === Object.keys(kept).length;
  for (const key of keys) {
    const isThere = Object.hasOwn(kept, key);
    const other = isThere ? kept[key] : undefined;
    const part = value[key];
    const shared = share(part, other);
    if (shared !== part) value[key] = shared;
    if (!isThere || shared !== other) isEqual = false;
  }
  return isEqual ? kept : value;
}

/** An object or a list. */
function isComposite(value: unknown): value is Parts {
  return typeof value === 'object' && value !== null;
}
