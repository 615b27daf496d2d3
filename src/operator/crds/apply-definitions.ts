import type { KubeClient } from '../../kube/client.ts';
import { type Clock, pause } from '../../kube/clock.ts';
import type { KubeObject } from '../../kube/object.ts';
import { DEFINITIONS, type Definition, parseDefinition } from './definition.ts';
import { removedFields } from './removed-fields.ts';

/**
 * Helm's own name. Its versions are one list, which whoever wrote last owns: under another name the next `helm install`
 * after an uninstall, which applies the definitions without force, would be refused.
 */
const FIELD_MANAGER = 'helm';

const POLL_MS = 500;

/** The API server takes well under a second. */
const ESTABLISHED_MS = 60_000;

/** How applying definitions ended, and a sentence of it. */
export type Outcome =
  | { readonly outcome: 'Applied'; readonly message: string }
  /** Nothing was written; the same again would be refused again. */
  | { readonly outcome: 'FieldsRemoved'; readonly message: string }
  /** Written, and the API server doesn't serve it. */
  | { readonly outcome: 'NotEstablished'; readonly message: string };

export interface ApplyContext {
  readonly client: Pick<KubeClient, 'get' | 'apply'>;
  readonly clock: Clock;
  /** Whether fields that the cluster's definitions have may go. */
  readonly allowRemovedFields: boolean;
}

/**
 * Makes the cluster's definitions those of a chart: all of them, or none where one would lose fields.
 *
 * 1. Read what is there; refuse when fields would go.
 * 2. Apply each, taking over what `helm install` or a person wrote.
 * 3. Wait until the API server serves each: what Helm does next may need the new fields.
 *
 * @throws ApiError where the API server can't be asked or refuses
 */
export async function applyDefinitions(context: ApplyContext, wanted: readonly Definition[]): Promise<Outcome> {
  const { client, allowRemovedFields } = context;
  if (!allowRemovedFields) {
    const removed: string[] = [];
    for (const definition of wanted) {
      const existing = await client.get<KubeObject>(DEFINITIONS, '', definition.metadata.name);
      if (existing === undefined) continue;
      const fields = removedFields(parseDefinition(existing), definition);
      removed.push(...fields.map((field) => `${definition.metadata.name} ${field}`));
    }
    if (removed.length > 0) return { outcome: 'FieldsRemoved', message: refusal(removed) };
  }
  for (const definition of wanted) {
    await client.apply(DEFINITIONS, definition as KubeObject, { fieldManager: FIELD_MANAGER, force: true });
  }
  const end = context.clock.monotonic() + ESTABLISHED_MS;
  for (const { metadata } of wanted) {
    const trouble = await untilEstablished(context, metadata.name, end);
    if (trouble !== undefined) return { outcome: 'NotEstablished', message: `${metadata.name}: ${trouble}` };
  }
  return { outcome: 'Applied', message: `applied ${wanted.map(({ metadata }) => metadata.name).join(', ')}` };
}

function refusal(removed: readonly string[]): string {
  return [
    `This chart's definitions lack what the cluster's have: ${removed.join('; ')}. Applied, each object would lose it at`,
    'its next write. To go back to an older chart use `helm rollback`, or operator.crds.upgrade=false: both leave the',
    'definitions as they are. If it is meant, set operator.crds.allowRemovedFields=true for this upgrade.',
  ].join(' ');
}

/** Undefined when it is served, else what the API server says is wrong with it. */
async function untilEstablished(
  { client, clock }: ApplyContext,
  name: string,
  end: number,
): Promise<string | undefined> {
  for (;;) {
    const found = await client.get<KubeObject>(DEFINITIONS, '', name);
    if (found === undefined) return 'it was deleted meanwhile';
    const conditions = parseDefinition(found).status?.conditions ?? [];
    const waiting = ['NamesAccepted', 'Established'].filter(
      (wanted) => !conditions.some(({ type, status }) => type === wanted && status === 'True'),
    );
    if (waiting.length === 0) return undefined;
    if (clock.monotonic() >= end) {
      const said = conditions.filter(({ type }) => waiting.includes(type)).map(({ message = '' }) => message);
      return `the API server doesn't serve it after ${ESTABLISHED_MS / 1000} s: ${waiting.join(', ')} isn't True ${said.join(' ')}`.trim();
    }
    await pause(clock, POLL_MS, new AbortController().signal);
  }
}
