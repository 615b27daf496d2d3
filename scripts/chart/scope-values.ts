import { z } from 'zod';
import { all, given, not, refusing } from './combination.ts';
import { type JsonSchema, jsonSchemaOf, textLike } from './json-schema.ts';

const scopeValuesSchema = z.strictObject({
  kind: z.enum(['Cluster', 'Namespaces', 'Own']),
  namespaces: z
    .array(
      textLike(
        /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/,
        'the name of a namespace: small letters, digits and -, 63 characters at most',
      ),
    )
    .meta({ uniqueItems: true }),
});

const byName = given('kind', { const: 'Namespaces' });

const contradiction = refusing('contradictionOfScope', [
  {
    when: all(byName, given('namespaces', { maxItems: 0 })),
    field: 'namespaces',
    mustBe: 'one namespace or more, such as [school]: scope.kind is Namespaces, and this is the list of them',
  },
  {
    when: all(not(byName), given('namespaces', { minItems: 1 })),
    field: 'namespaces',
    mustBe: 'empty, since scope.kind says what is served. Set scope.kind to Namespaces to serve those listed here',
  },
]);

/** Schema of the values at `scope`, and the definitions that it refers to. */
export function scopeValues(): { scope: JsonSchema; definitions: JsonSchema } {
  return {
    scope: { ...jsonSchemaOf(scopeValuesSchema), ...contradiction.schema },
    definitions: contradiction.definitions,
  };
}
