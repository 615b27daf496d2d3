import { emulatorResource } from '../../../src/api/emulator/resource.ts';
import { generateCrd } from '../../../src/api/generate-crd.ts';

/** The generated CRD, and the schema of the whole object in it. */
export const crd = generateCrd(emulatorResource);
export const root = crd.spec.versions[0].schema.openAPIV3Schema;
