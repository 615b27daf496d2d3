/** Paths at which `actual` isn't as `wanted` says; what else `actual` has is others' business. */
export function differences(wanted: unknown, actual: unknown, path = ''): string[] {
  if (wanted === undefined || wanted === actual) return [];
  if (Array.isArray(wanted)) {
    if (wanted.length === 0 && actual === undefined) return [];
    if (!Array.isArray(actual) || actual.length !== wanted.length) return [`${path}: ${words(actual)}`];
    return wanted.flatMap((item, index) => differences(item, actual[index], `${path}[${index}]`));
  }
  if (isRecord(wanted)) {
    // Kubernetes stores no empty objects.
    if (!isRecord(actual)) return Object.keys(wanted).length === 0 ? [] : [`${path}: ${words(actual)}`];
    return Object.entries(wanted).flatMap(([key, value]) => differences(value, actual[key], `${path}.${key}`));
  }
  return [`${path}: ${words(actual)} instead of ${words(wanted)}`];
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function words(value: unknown): string {
  return value === undefined ? 'missing' : JSON.stringify(value).slice(0, 80);
}
