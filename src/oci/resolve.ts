import { explainOras } from './explain-oras.ts';
import { failed, type OciResult, success } from './failure.ts';
import { type RegistryAccess, runOras } from './oras.ts';
import { parseReference } from './reference.ts';

/**
 * Asks the registry, once, which digest a reference has now.
 * @returns the digest of the manifest or index; failures name the registry and what to change
 */
export async function resolveReference(
  reference: string,
  access: RegistryAccess,
): Promise<OciResult<{ readonly digest: string }>> {
  const parsed = parseReference(reference);
  if (!parsed.ok) return parsed;
  const run = await runOras(access, ['resolve', reference]);
  if (!run.ok) return { ok: false, failure: explainOras(run, { registry: parsed.value.registry, reference }) };
  const digest = run.stdout.trim();
  if (!/^sha256:[0-9a-f]{64}$/.test(digest)) {
    return failed('RegistryFailed', `The registry ${parsed.value.registry} gave no digest of ${reference}.`);
  }
  return success({ digest });
}
