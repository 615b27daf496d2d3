import { z } from 'zod';
import { emulatorSpecSchema } from '../../src/api/emulator/schema.ts';
import { all, any, type Combination, given, not, refusing } from './combination.ts';
import { type JsonSchema, jsonSchemaOf, makeOptional, textLike } from './json-schema.ts';

/** Pods, labels and Services carry the name, with what is added to it. */
const EMULATOR_NAME = /^[a-z]([-a-z0-9]{0,50}[a-z0-9])?$/;
const NAME_IN_WORDS = 'small letters, digits and -, beginning with a letter, 52 characters at most';

/** The options of one Emulator, but for its name. */
const emulatorOptionsSchema = z.strictObject({
  create: z.boolean().nullish(),
  diskPVC: textLike(
    /^([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)?$/,
    'empty, or what the names of PVCs can begin with, such as win98-disk: small letters, digits and -, 63 at most',
  ).optional(),
  nodeFolder: z
    .strictObject({
      path: textLike(
        /^((\/[-A-Za-z0-9._]+)+)?$/,
        'empty, or the absolute path of a folder of the node, such as /data/win98-disk: letters, digits, -, _ and .',
      ).optional(),
      node: textLike(
        /^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$/,
        'what the label kubernetes.io/hostname of the node says, such as minikube',
      ).optional(),
    })
    .optional(),
  usePrebuiltSnapshot: z.boolean().optional(),
  snapshotRegistry: z.string().min(1).max(400).optional(),
  snapshotTag: textLike(
    /^(sha256:[0-9a-f]{64}|[A-Za-z0-9_][A-Za-z0-9._-]{0,127})$/,
    'a tag such as win98-base, or a digest: sha256: and 64 hexadecimal digits',
  ).optional(),
  snapshotPullSecret: z
    .strictObject({
      name: textLike(
        /^([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?)?$/,
        'empty, or the name of a Secret: small letters, digits, - and .',
      ).optional(),
      create: z.boolean().optional(),
      username: z.string().max(1024).optional(),
      password: z.string().max(16_384).optional(),
    })
    .optional(),
  replicas: z.int().min(0).max(100).nullish(),
});

const written = (field: string) => given(field, { type: 'string', minLength: 1 });
const snapshotUsed = given('usePrebuiltSnapshot', { const: true });
const claimed = written('diskPVC');
const inFolder = written('nodeFolder.path');
const secretMade = given('snapshotPullSecret.create', { const: true });
const severalMachines = given('replicas', { type: 'integer', minimum: 2 });

const EPHEMERAL = 'diskPVC is empty, so the Emulator is Ephemeral and has no PVC';
const NO_SNAPSHOT = 'usePrebuiltSnapshot is not true, so no snapshot is used';

/** Modes that the two options don't make. */
const contradictedModes: readonly Combination[] = [
  { mode: 'Ephemeral', made: not(claimed), because: 'diskPVC is empty' },
  {
    mode: 'Persistent',
    made: all(claimed, not(snapshotUsed)),
    because: 'diskPVC is set and usePrebuiltSnapshot is not true',
  },
  { mode: 'Hybrid', made: all(claimed, snapshotUsed), because: 'diskPVC is set and usePrebuiltSnapshot is true' },
].map(({ mode, made, because }) => ({
  when: all(made, given('spec.storage.mode', { not: { const: mode } })),
  field: 'spec.storage.mode',
  mustBe: `${mode}, or left out: ${because}. Change those options for another mode`,
}));

/** Options that another option has already said. */
const saidTwice: readonly Combination[] = [
  { field: 'spec.replicas', option: 'replicas' },
  { field: 'spec.storage.claimTemplateName', option: 'diskPVC' },
  { field: 'spec.disk.snapshot.reference', option: 'snapshotRegistry and snapshotTag' },
].map(({ field, option }) => ({
  when: {},
  field,
  mustBe: `left out: it is what ${option} beside spec is for`,
}));

const withoutPvc: readonly Combination[] = ['existingClaim', 'storageClassName', 'accessMode', 'retention'].map(
  (field) => ({
    when: not(claimed),
    field: `spec.storage.${field}`,
    mustBe: `left out: ${EPHEMERAL}. Set diskPVC (for example to win98-disk), or remove this`,
  }),
);

const withoutSnapshot: readonly Combination[] = [
  {
    when: not(snapshotUsed),
    field: 'spec.disk.snapshot',
    mustBe: `left out: ${NO_SNAPSHOT}. Set usePrebuiltSnapshot to true, or remove this`,
  },
  {
    when: all(not(snapshotUsed), given('spec.disk.source', { const: 'Snapshot' })),
    field: 'spec.disk.source',
    mustBe: `Auto, Builtin or Import: ${NO_SNAPSHOT}. Set usePrebuiltSnapshot to true, or change this`,
  },
];

const folderCombinations: readonly Combination[] = [
  {
    when: all(inFolder, not(claimed)),
    field: 'nodeFolder.path',
    mustBe: `empty: ${EPHEMERAL}. Set diskPVC (for example to win98-disk), or empty this`,
  },
  {
    when: all(inFolder, not(written('nodeFolder.node'))),
    field: 'nodeFolder',
    mustBe: 'given with its node: set nodeFolder.node to the name of the node that has the folder, such as minikube',
  },
  {
    when: all(inFolder, severalMachines),
    field: 'replicas',
    mustBe:
      '0 or 1, or left out: nodeFolder is one disk, and two machines never share one. Empty nodeFolder.path, or lower this',
  },
  ...['existingClaim', 'storageClassName'].map((field) => ({
    when: inFolder,
    field: `spec.storage.${field}`,
    mustBe: 'left out: nodeFolder says where the disk is. Empty nodeFolder.path, or remove this',
  })),
  {
    when: all(inFolder, given('spec.storage.accessMode', { const: 'ReadWriteOncePod' })),
    field: 'spec.storage.accessMode',
    mustBe: 'ReadWriteOnce: Kubernetes knows ReadWriteOncePod for CSI drivers alone, and nodeFolder has none',
  },
];

const secretCombinations: readonly Combination[] = [
  ...['username', 'password'].flatMap((field) => [
    {
      when: all(secretMade, not(written(`snapshotPullSecret.${field}`))),
      field: 'snapshotPullSecret.create',
      mustBe: `false: there is no snapshotPullSecret.${field} to make the Secret from. Set it, or set snapshotPullSecret.name to a Secret that you made`,
    },
    {
      when: all(written(`snapshotPullSecret.${field}`), not(secretMade)),
      field: `snapshotPullSecret.${field}`,
      mustBe: 'empty: it goes nowhere unless snapshotPullSecret.create is true',
    },
  ]),
  {
    when: any(written('snapshotPullSecret.name'), secretMade),
    field: 'spec.disk.snapshot.pullSecretRef',
    mustBe: 'left out: snapshotPullSecret is the same setting. Remove one of the two',
  },
];

const combinations: readonly Combination[] = [
  ...saidTwice,
  ...contradictedModes,
  ...withoutPvc,
  ...withoutSnapshot,
  ...folderCombinations,
  ...secretCombinations,
  {
    when: all(given('spec.storage.existingClaim'), severalMachines),
    field: 'replicas',
    mustBe:
      '0 or 1, or left out: spec.storage.existingClaim is one disk, and two machines never share one. Remove existingClaim, or lower this',
  },
];

/** Of an entry of the map; the first Emulator has defaults for these, and the others take them over. */
const withoutSnapshotInMap: readonly Combination[] = ['snapshotRegistry', 'snapshotTag', 'snapshotPullSecret'].map(
  (field) => ({
    when: not(snapshotUsed),
    field,
    mustBe: `left out: ${NO_SNAPSHOT}. Set usePrebuiltSnapshot to true, or remove this`,
  }),
);

const contradiction = refusing('contradiction', combinations);
const contradictionOfEntry = refusing('contradictionOfEntry', withoutSnapshotInMap, contradiction.schema);

/** Schemas of the values at `emulator` and `emulators`, and the definitions that they refer to. */
export function emulatorValues(): { emulator: JsonSchema; emulators: JsonSchema; definitions: JsonSchema } {
  const spec = jsonSchemaOf(emulatorSpecSchema);
  makeOptional(spec, ['storage']);
  makeOptional(spec, ['storage', 'mode']);
  makeOptional(spec, ['disk', 'snapshot', 'reference']);
  const options = jsonSchemaOf(emulatorOptionsSchema);
  const properties = { ...(options['properties'] as JsonSchema), spec: { $ref: '#/definitions/emulatorSpec' } };
  const name = jsonSchemaOf(textLike(EMULATOR_NAME, `a name for the Emulator: ${NAME_IN_WORDS}`));
  // The chart has defaults for these, which `null` would take away.
  const required = ['name', ...Object.keys(properties).filter((option) => !['create', 'replicas'].includes(option))];
  return {
    emulator: { ...options, properties: { ...properties, name }, required, ...contradiction.schema },
    emulators: {
      type: 'object',
      patternProperties: { [EMULATOR_NAME.source]: { ...options, properties, ...contradictionOfEntry.schema } },
      additionalProperties: { const: `under another name: ${NAME_IN_WORDS}` },
    },
    definitions: { emulatorSpec: spec, ...contradiction.definitions, ...contradictionOfEntry.definitions },
  };
}
