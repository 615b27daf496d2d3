import type { FieldsEntry, KubeObject, ObjectMeta } from './object.ts';

/** A copy of the whole object as `kubectl apply` saw it last: kubectl alone reads it. */
const COPIES: readonly string[] = ['kubectl.kubernetes.io/last-applied-configuration'];

/**
 * An object without what no decision is made from, and what is often most of it: who set which field, and copies of
 * the object in its own annotations.
 *
 * Of `managedFields` only the names stay, and only when one of `ours` created the object (operation Update, on no
 * subresource): before such an object is applied for the first time that entry has to become one of operation Apply.
 * All entries stay then, in the server's order, since a JSON patch counts them.
 */
export function slim<T extends KubeObject>(object: T, ours: readonly string[]): T {
  const { managedFields, annotations, ...metadata } = object.metadata;
  const kept = withoutCopies(annotations);
  const entries = managedFields?.some((entry) => isCreation(entry, ours)) ? managedFields.map(nameOnly) : undefined;
  const slimmed: ObjectMeta = {
    ...metadata,
    ...(kept === undefined ? {} : { annotations: kept }),
    ...(entries === undefined ? {} : { managedFields: entries }),
  };
  return { ...object, metadata: slimmed };
}

function withoutCopies(annotations: ObjectMeta['annotations']): ObjectMeta['annotations'] {
  if (annotations === undefined || !COPIES.some((key) => key in annotations)) return annotations;
  return Object.fromEntries(Object.entries(annotations).filter(([key]) => !COPIES.includes(key)));
}

function isCreation({ manager = '', operation, subresource }: FieldsEntry, ours: readonly string[]): boolean {
  return operation === 'Update' && (subresource ?? '') === '' && ours.includes(manager);
}

function nameOnly({ manager, operation, subresource }: FieldsEntry): FieldsEntry {
  return {
    ...(manager === undefined ? {} : { manager }),
    ...(operation === undefined ? {} : { operation }),
    ...(subresource === undefined ? {} : { subresource }),
  };
}
