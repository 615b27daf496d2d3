import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { textOf } from './field.ts';
import { structuralSchema } from './structural-schema.ts';

describe('the structural schema of a zod schema', () => {
  it('has the fields, the bounds and the descriptions that zod has', () => {
    const schema = z.object({ count: z.int().min(1).max(9).default(3).meta({ description: 'How many.' }) });
    expect(structuralSchema(schema)).toEqual({
      type: 'object',
      properties: { count: { type: 'integer', minimum: 1, maximum: 9, default: 3, description: 'How many.' } },
    });
  });

  it('leaves out the bounds of safe integers, which nobody asked for', () => {
    expect(structuralSchema(z.int())).toEqual({ type: 'integer' });
  });

  it('requires what has no default', () => {
    expect(structuralSchema(z.object({ a: z.string(), b: z.string().default('') })).required).toEqual(['a']);
  });

  it('fills the default of an object with the defaults below it, which rules may read', () => {
    const inner = z.object({
      a: z.string().default('x'),
      deeper: z.object({ b: z.boolean().default(true) }).prefault({}),
    });
    expect(structuralSchema(inner.prefault({})).default).toEqual({ a: 'x', deeper: { b: true } });
  });

  it('has no default that says nothing, and would stand in every object', () => {
    const schema = z.object({
      text: z.string().default(''),
      list: z.array(z.string()).default([]),
      open: z.looseObject({}).default({}),
      inner: z.object({ map: z.record(z.string(), z.string()).default({}) }).prefault({}),
      full: z.object({ text: z.string().default(''), word: z.string().default('x') }).prefault({}),
      zero: z.int().default(0),
    });
    const { properties = {}, required } = structuralSchema(schema);
    const defaults = Object.entries(properties).map(([name, { default: value }]) => [name, value]);
    expect(Object.fromEntries(defaults)).toEqual({ full: { word: 'x' }, zero: 0 });
    expect(required).toBeUndefined();
  });

  it('keeps unknown fields of what is handed on as it is', () => {
    expect(structuralSchema(z.looseObject({}))).toEqual({
      type: 'object',
      'x-kubernetes-preserve-unknown-fields': true,
    });
  });

  it('says a pattern with a sentence as a rule, and keeps a bare one', () => {
    const told = textOf({ description: 'A colour.', max: 9, pattern: /^[a-z/]+$/, message: 'must be a colour' });
    expect(structuralSchema(told)).toEqual({
      type: 'string',
      description: 'A colour.',
      maxLength: 9,
      'x-kubernetes-validations': [{ rule: 'self.matches("^[a-z/]+$")', message: 'must be a colour' }],
    });
    expect(structuralSchema(z.string().regex(/^a$/)).pattern).toBe('^a$');
  });

  it('writes a number or a text as Kubernetes does, and refuses any other choice of types', () => {
    const either = z.union([z.string(), z.int()]);
    expect(structuralSchema(either.meta({ 'x-kubernetes-int-or-string': true }))).toEqual({
      'x-kubernetes-int-or-string': true,
    });
    expect(() => structuralSchema(either)).toThrow('a CRD has no choice of types');
  });

  it('leaves times to their format', () => {
    expect(structuralSchema(z.iso.datetime())).toEqual({ type: 'string', format: 'date-time' });
  });

  it('writes maps without a schema for their keys, which a CRD does not know', () => {
    expect(structuralSchema(z.record(z.string(), z.string().max(3)))).toEqual({
      type: 'object',
      additionalProperties: { type: 'string', maxLength: 3 },
    });
  });
});
