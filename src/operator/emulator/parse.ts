import { type Emulator, emulatorSchema } from '../../api/emulator/schema.ts';
import { shareParts } from '../../kube/share-parts.ts';
import type { RawEmulator } from './caches.ts';

/** An Emulator that can be decided on, or why it can't. */
export type Parsed =
  | { readonly success: true; readonly emulator: Emulator }
  | { readonly success: false; readonly message: string };

/** Reads an Emulator of the cache. Both are kept, and what parsing leaves as it is they have in common. */
export function parseEmulator(raw: RawEmulator): Parsed {
  const whole = emulatorSchema.safeParse(raw);
  if (whole.success) return { success: true, emulator: shareParts(whole.data, raw) };
  // A status that another release wrote must not keep the spec from being served.
  const { status: _, ...withoutStatus } = raw;
  const parsed = emulatorSchema.safeParse(withoutStatus);
  if (parsed.success) return { success: true, emulator: shareParts(parsed.data, raw) };
  const issues = parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
  return { success: false, message: `The resource can't be understood: ${issues.slice(0, 5).join('; ')}` };
}
