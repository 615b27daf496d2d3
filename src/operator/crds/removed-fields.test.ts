import { describe, expect, it } from 'vitest';
import { emulatorResource } from '../../api/emulator/resource.ts';
import { emulatorSpecSchema } from '../../api/emulator/spec.ts';
import { generateCrd } from '../../api/generate-crd.ts';
import { parseDefinition } from './definition.ts';
import { removedFields } from './removed-fields.ts';

const of = (...versions: (readonly [name: string, schema: object])[]) =>
  parseDefinition({
    kind: 'CustomResourceDefinition',
    metadata: { name: 'things.example.com' },
    spec: { versions: versions.map(([name, openAPIV3Schema]) => ({ name, schema: { openAPIV3Schema } })) },
  });

const object = (properties: object, more: object = {}) => ({ type: 'object', properties, ...more });
const text = { type: 'string' };
const spec = (properties: object, more: object = {}) => object({ spec: object(properties, more) });

describe('fields that would go', () => {
  it.each<[what: string, before: object, after: object, expected: string[]]>([
    ['none when nothing changes', spec({ a: text }), spec({ a: text }), []],
    ['none when fields are added', spec({ a: text }), spec({ a: text, b: text }), []],
    ['a field that is left out', spec({ a: text, b: text }), spec({ a: text }), ['v1: spec.b']],
    ['of a group that is left out only its own name', spec({ a: object({ b: text }) }), spec({}), ['v1: spec.a']],
    ['one deep in a group', spec({ a: object({ b: text }) }), spec({ a: object({}) }), ['v1: spec.a.b']],
    [
      'one of a list',
      spec({ list: { type: 'array', items: object({ a: text }) } }),
      spec({ list: { type: 'array', items: object({}) } }),
      ['v1: spec.list[].a'],
    ],
    [
      'one of the values of a map',
      spec({ map: { type: 'object', additionalProperties: object({ a: text }) } }),
      spec({ map: { type: 'object', additionalProperties: object({}) } }),
      ['v1: spec.map.*.a'],
    ],
    [
      'whatever stood where unknown fields were kept',
      spec({ a: text }, { 'x-kubernetes-preserve-unknown-fields': true }),
      spec({ a: text }),
      ['v1: spec.*'],
    ],
    [
      'the values of a map that becomes a group',
      spec({ map: { type: 'object', additionalProperties: text } }),
      spec({ map: object({ a: text }) }),
      ['v1: spec.map.*'],
    ],
    [
      'what is in a list that is none any more',
      spec({ list: { type: 'array', items: text } }),
      spec({ list: text }),
      ['v1: spec.list[]'],
    ],
    [
      'none where unknown fields are kept',
      spec({ a: text }),
      spec({}, { 'x-kubernetes-preserve-unknown-fields': true }),
      [],
    ],
    [
      'none where the names become those of a map',
      spec({ map: object({ a: text }) }),
      spec({ map: { type: 'object', additionalProperties: text } }),
      [],
    ],
  ])('%s', (_, before, after, expected) => {
    expect(removedFields(of(['v1', before]), of(['v1', after]))).toEqual(expected);
  });

  it('a version that is no longer there goes as a whole', () => {
    expect(removedFields(of(['v1', spec({})], ['v2', spec({})]), of(['v1', spec({})]))).toEqual(['v2']);
  });

  it('what was defined without a schema has no fields to lose', () => {
    const bare = parseDefinition({
      kind: 'CustomResourceDefinition',
      metadata: { name: 'x' },
      spec: { versions: [{ name: 'v1' }] },
    });
    expect(removedFields(bare, of(['v1', spec({})]))).toEqual([]);
  });

  it("every field of the Emulator's own definition is seen", () => {
    const whole = parseDefinition(generateCrd(emulatorResource));
    expect(removedFields(whole, whole)).toEqual([]);
    const names = Object.keys(emulatorSpecSchema.shape).map((field) => `v1alpha1: spec.${field}`);
    expect(removedFields(whole, of(['v1alpha1', spec({})]))).toEqual(expect.arrayContaining(names));
  });
});
