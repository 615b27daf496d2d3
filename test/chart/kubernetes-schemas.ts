import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { z } from 'zod';
import { projectFolder } from '../../scripts/folders.ts';
import { goProgram } from '../../scripts/tools/go-program.ts';
import { emulatorResource } from '../../src/api/emulator/resource.ts';
import { generateCrd } from '../../src/api/generate-crd.ts';

const kindSchema = z.object({ group: z.string(), version: z.string(), kind: z.string() });
type Kind = z.infer<typeof kindSchema>;
const definitionSchema = z.looseObject({ 'x-kubernetes-group-version-kind': z.array(kindSchema).optional() });
const swaggerSchema = z.looseObject({ definitions: z.record(z.string(), definitionSchema) });

/** The API as its own sources describe it, from the Go module that the test cluster is built from. */
async function readSwagger(): Promise<z.infer<typeof swaggerSchema>['definitions']> {
  const cwd = join(projectFolder, 'tools/kubernetes');
  const env = { GOWORK: 'off' };
  const { stdout } = await execa(await goProgram(), ['mod', 'download', '-json', 'k8s.io/kubernetes'], { cwd, env });
  const { Dir } = z.looseObject({ Dir: z.string() }).parse(JSON.parse(stdout));
  return swaggerSchema.parse(JSON.parse(await readFile(join(Dir, 'api/openapi-spec/swagger.json'), 'utf8')))
    .definitions;
}

/** A description for the API server as a JSON schema: no field that it doesn't name, and numbers where text or a number may be. */
function strict(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(strict);
  if (typeof value !== 'object' || value === null) return value;
  const fields = Object.fromEntries(Object.entries(value).map(([key, part]) => [key, strict(part)]));
  if (fields['format'] === 'int-or-string') return { type: ['string', 'integer'] };
  if (typeof fields['properties'] === 'object' && fields['additionalProperties'] === undefined) {
    return { ...fields, additionalProperties: fields['x-kubernetes-preserve-unknown-fields'] === true };
  }
  return fields;
}

/** The named definition and all that it refers to. */
function reachable(definitions: Readonly<Record<string, unknown>>, name: string): Record<string, unknown> {
  const found = new Map<string, unknown>();
  const open = [name];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (found.has(next)) continue;
    const definition = strict(definitions[next]);
    found.set(next, definition);
    open.push(...[...JSON.stringify(definition).matchAll(/"#\/definitions\/([^"]+)"/g)].map(([, each = '']) => each));
  }
  return Object.fromEntries(found);
}

/** As kubeconform calls it: `deployment-apps-v1.json`. */
const fileOf = ({ group, version, kind }: Kind): string =>
  `${[kind.toLowerCase(), group.split('.')[0] ?? '', version].filter((part) => part !== '').join('-')}.json`;

/** Writes a schema for each of the kinds into a folder, and one for our own. */
export async function writeSchemas(folder: string, kinds: readonly Kind[]): Promise<void> {
  await mkdir(folder, { recursive: true });
  const definitions = await readSwagger();
  for (const kind of kinds) {
    const same = (other: Kind) => fileOf(other) === fileOf(kind) && other.group === kind.group;
    const [name] =
      Object.entries(definitions).find(([, each]) => each['x-kubernetes-group-version-kind']?.some(same)) ?? [];
    if (name === undefined) throw new Error(`Kubernetes has no ${kind.kind} in ${kind.group}/${kind.version}`);
    const schema = { $ref: `#/definitions/${name}`, definitions: reachable(definitions, name) };
    await writeFile(join(folder, fileOf(kind)), JSON.stringify(schema));
  }
  const { spec } = generateCrd(emulatorResource);
  const [version] = spec.versions;
  const root = z.looseObject({ properties: z.looseObject({}) }).parse(version.schema.openAPIV3Schema);
  // The API server has its own description of this part; the definition's is only what rules point at.
  const own = { ...root, properties: { ...root.properties, metadata: { type: 'object', additionalProperties: true } } };
  const emulator = { group: spec.group, version: version.name, kind: spec.names.kind };
  await writeFile(join(folder, fileOf(emulator)), JSON.stringify(strict(own)));
}
