import type { z } from 'zod';
import type { ValidationRule } from './rule.ts';

/** A column of `kubectl get`. */
export interface PrinterColumn {
  readonly name: string;
  readonly type: 'string' | 'integer' | 'boolean' | 'date';
  readonly jsonPath: string;
  readonly description: string;
  /** 0 (the default) is always shown, 1 with `-o wide`. */
  readonly priority?: 0 | 1;
}

/** A kind of this project: all that its CustomResourceDefinition is made from. */
export interface ResourceDefinition {
  readonly kind: string;
  readonly plural: string;
  readonly singular: string;
  readonly shortNames: readonly string[];
  readonly description: string;
  readonly spec: z.ZodType;
  readonly status: z.ZodType;
  /** Rules over the whole object: of its metadata they see the name alone. */
  readonly rules: readonly ValidationRule[];
  readonly columns: readonly PrinterColumn[];
  /** Where `kubectl scale` reads and writes. */
  readonly scale?: {
    readonly specReplicasPath: string;
    readonly statusReplicasPath: string;
    readonly labelSelectorPath: string;
  };
}
