import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { renderValuesSchema } from '../../scripts/chart/values-schema.ts';
import { chartFolder, helm, refusal, render } from './render.ts';

const disk = 'emulator.diskPVC="win98-disk"';
const snapshot = 'emulator.usePrebuiltSnapshot=true';
const folder = 'emulator.nodeFolder={"path":"/data/disk","node":"minikube"}';

describe('the values', () => {
  it('pass helm lint --strict', async () => {
    const result = await helm('lint', '--strict', chartFolder);
    expect(result.all).toContain('0 chart(s) failed');
    expect(result.exitCode).toBe(0);
  });

  it('have the schema that is generated from the API', async () => {
    expect(await readFile(join(chartFolder, 'values.schema.json'), 'utf8')).toBe(renderValuesSchema());
  });

  const refused: readonly [why: string, settings: readonly string[], sentence: string | RegExp][] = [
    ['a misspelt option', ['emulator.diskPvc="x"'], /emulator.*'diskPvc' not allowed/],
    ['a misspelt group', ['operater.image="x"'], "'operater' not allowed"],
    ['a misspelt field of the spec', ['emulator.spec.storage={"sise":"4Gi"}'], /storage.*'sise' not allowed/],
    ['a word where true or false belongs', ['emulator.usePrebuiltSnapshot="yes"'], 'got string, want boolean'],
    ['an unknown mode', ['emulator.spec.storage.mode="Permanent"'], "'Persistent', 'Hybrid', 'Ephemeral'"],
    ['an unknown way with damaged disks', ['emulator.spec.disk={"onCorruption":"Repair"}'], "'Fail', 'Reprovision'"],
    [
      'a disk PVC that can be no name',
      ['emulator.diskPVC="Win98 disk"'],
      /diskPVC': value must be 'empty, or what the names of PVCs can begin with/,
    ],
    [
      'a name that pods could not carry',
      [`emulator.name="${'a'.repeat(53)}"`],
      "/emulator/name': value must be 'a name for the Emulator: small letters",
    ],
    ['traces to no address', ['operator.traces.endpoint="tempo:4318"'], /traces\/endpoint.*pattern/],
    ['replicas as text', ['emulator.replicas="three"'], 'got string, want null or integer'],
    [
      'an entry of the map that pods could not carry',
      ['emulators={"Win":{}}'],
      "/emulators/Win': value must be 'under another name: small letters, digits and -",
    ],
    ['a misspelt option of an entry', ['emulators={"a":{"diskPvc":"x"}}'], /emulators\/a.*'diskPvc' not allowed/],
    ['a name for an entry beside its key', ['emulators={"a":{"name":"b"}}'], "'name' not allowed"],
    [
      'a misspelt field of the spec of an entry',
      ['emulators={"a":{"spec":{"machine":{"ram":"64Mi"}}}}'],
      /emulators\/a\/spec\/machine.*'ram' not allowed/,
    ],
    ['a scope that there is not', ['scope.kind="Node"'], "'Cluster', 'Namespaces', 'Own'"],
    [
      'a list of namespaces that is empty',
      ['scope.kind="Namespaces"'],
      "/scope/namespaces': value must be 'one namespace",
    ],
    [
      'a namespace that can be none',
      ['scope.kind="Namespaces"', 'scope.namespaces=["My School"]'],
      "/scope/namespaces/0': value must be 'the name of a namespace",
    ],
    [
      'a tag that can be none',
      [snapshot, 'emulator.snapshotTag="win98 base"'],
      "value must be 'a tag such as win98-base",
    ],
    [
      'a Secret that can be none',
      [snapshot, 'emulator.snapshotPullSecret.name="My Secret"'],
      "/snapshotPullSecret/name': value must be 'empty, or the name of a Secret",
    ],
    [
      'a node that can be none',
      [disk, 'emulator.nodeFolder={"path":"/data","node":"my node"}'],
      "/nodeFolder/node': value must be 'what the label kubernetes.io/hostname of the node says",
    ],
    ['a namespace twice', ['scope.kind="Namespaces"', 'scope.namespaces=["a","b","a"]'], '/scope/namespaces'],
    ['an option taken away', ['emulator.nodeFolder=null'], "missing property 'nodeFolder'"],
    ['an entry that is nothing', ['emulators={"a":null}'], 'got null, want object'],
    [
      'namespaces that the scope does not look at',
      ['scope.namespaces=["school"]'],
      'Set scope.kind to Namespaces to serve those listed here',
    ],
    [
      'a mode that the options contradict',
      [disk, snapshot, 'emulator.spec.storage.mode="Ephemeral"'],
      "/emulator/spec/storage/mode': value must be 'Hybrid, or left out: diskPVC is set and usePrebuiltSnapshot is true",
    ],
    [
      'a mode with a PVC where there is none',
      [snapshot, 'emulator.spec.storage.mode="Hybrid"'],
      "/emulator/spec/storage/mode': value must be 'Ephemeral, or left out: diskPVC is empty",
    ],
    [
      'a mode with a snapshot that is not used',
      [disk, 'emulator.spec.storage.mode="Hybrid"'],
      "value must be 'Persistent, or left out: diskPVC is set and usePrebuiltSnapshot is not true",
    ],
    [
      'two names for the claims',
      [disk, 'emulator.spec.storage.claimTemplateName="other"'],
      "claimTemplateName': value must be 'left out: it is what diskPVC beside spec is for",
    ],
    [
      'an own PVC for a machine without PVC',
      ['emulator.spec.storage.existingClaim={"name":"mine"}'],
      "existingClaim': value must be 'left out: diskPVC is empty, so the Emulator is Ephemeral and has no PVC. Set diskPVC",
    ],
    [
      'retention of no PVC',
      [snapshot, 'emulator.spec.storage.retention={"whenDeleted":"Delete"}'],
      "retention': value must be 'left out: diskPVC is empty",
    ],
    [
      'an access mode of no PVC',
      [snapshot, 'emulator.spec.storage.accessMode="ReadWriteOncePod"'],
      "accessMode': value must be 'left out: diskPVC is empty",
    ],
    [
      'a snapshot that is not used',
      [disk, 'emulator.spec.disk.snapshot={"path":"/a"}'],
      "/emulator/spec/disk/snapshot': value must be 'left out: usePrebuiltSnapshot is not true, so no snapshot is used",
    ],
    [
      'a source that is not used',
      [disk, 'emulator.spec.disk.source="Snapshot"'],
      "/emulator/spec/disk/source': value must be 'Auto, Builtin or Import: usePrebuiltSnapshot is not true",
    ],
    [
      'two references of the snapshot',
      [snapshot, 'emulator.spec.disk.snapshot.reference="r.example.com/a:b"'],
      'it is what snapshotRegistry and snapshotTag beside spec is for',
    ],
    [
      'one PVC for two machines',
      [disk, 'emulator.spec.storage.existingClaim={"name":"mine"}', 'emulator.replicas=2'],
      'spec.storage.existingClaim is one disk, and two machines never share one',
    ],
    [
      'a second place for the replicas',
      [disk, 'emulator.spec.replicas=3'],
      "/emulator/spec/replicas': value must be 'left out: it is what replicas beside spec is for",
    ],
    [
      'the same contradictions in an entry of the map',
      ['emulators={"a":{"usePrebuiltSnapshot":true,"spec":{"storage":{"storageClassName":"fast"}}}}'],
      "/emulators/a/spec/storage/storageClassName': value must be 'left out: diskPVC is empty",
    ],
    [
      'a tag for an entry that uses no snapshot',
      ['emulators={"a":{"diskPVC":"d","snapshotTag":"next"}}'],
      "/emulators/a/snapshotTag': value must be 'left out: usePrebuiltSnapshot is not true",
    ],
    [
      'a registry for an entry that uses no snapshot',
      ['emulators={"a":{"snapshotRegistry":"r.example.com/disks"}}'],
      "/emulators/a/snapshotRegistry': value must be 'left out: usePrebuiltSnapshot is not true",
    ],
    [
      'a pull secret for an entry that uses no snapshot',
      ['emulators={"a":{"snapshotPullSecret":{"name":"ghcr"}}}'],
      "/emulators/a/snapshotPullSecret': value must be 'left out: usePrebuiltSnapshot is not true",
    ],
    ['a folder without PVC', [folder], "/emulator/nodeFolder/path': value must be 'empty: diskPVC is empty"],
    [
      'a folder without its node',
      [disk, 'emulator.nodeFolder.path="/data/disk"'],
      'set nodeFolder.node to the name of the node that has the folder, such as minikube',
    ],
    [
      'a folder by a path from nowhere',
      [disk, 'emulator.nodeFolder.path="disk"'],
      "/nodeFolder/path': value must be 'empty, or the absolute path of a folder",
    ],
    ['a folder for two machines', [disk, folder, 'emulator.replicas=2'], 'nodeFolder is one disk'],
    [
      'a folder and a storage class',
      [disk, folder, 'emulator.spec.storage.storageClassName="fast"'],
      "storageClassName': value must be 'left out: nodeFolder says where the disk is",
    ],
    [
      'a folder and an own PVC',
      [disk, folder, 'emulator.spec.storage.existingClaim={"name":"mine"}'],
      "existingClaim': value must be 'left out: nodeFolder says where the disk is",
    ],
    [
      'a folder for one pod in the cluster',
      [disk, folder, 'emulator.spec.storage.accessMode="ReadWriteOncePod"'],
      "accessMode': value must be 'ReadWriteOnce: Kubernetes knows ReadWriteOncePod for CSI drivers alone",
    ],
    [
      'a Secret to make of nothing',
      [snapshot, 'emulator.snapshotPullSecret={"create":true,"username":"me"}'],
      'there is no snapshotPullSecret.password to make the Secret from',
    ],
    [
      'a Secret to make for nobody',
      [snapshot, 'emulator.snapshotPullSecret={"create":true,"password":"x"}'],
      'there is no snapshotPullSecret.username to make the Secret from',
    ],
    [
      'a user that goes nowhere',
      [snapshot, 'emulator.snapshotPullSecret={"name":"ghcr","username":"me"}'],
      "/emulator/snapshotPullSecret/username': value must be 'empty: it goes nowhere",
    ],
    [
      'a pull secret beside one that the chart makes',
      [
        snapshot,
        'emulator.snapshotPullSecret={"create":true,"username":"me","password":"x"}',
        'emulator.spec.disk.snapshot.pullSecretRef={"name":"b"}',
      ],
      "pullSecretRef': value must be 'left out: snapshotPullSecret is the same setting",
    ],
    [
      'a password that goes nowhere',
      [snapshot, 'emulator.snapshotPullSecret={"name":"ghcr","password":"x"}'],
      "/emulator/snapshotPullSecret/password': value must be 'empty: it goes nowhere",
    ],
    [
      'two pull secrets',
      [snapshot, 'emulator.snapshotPullSecret.name="a"', 'emulator.spec.disk.snapshot.pullSecretRef={"name":"b"}'],
      "pullSecretRef': value must be 'left out: snapshotPullSecret is the same setting",
    ],
  ];

  const accepted: readonly [what: string, settings: readonly string[]][] = [
    ['the mode that the options make', [disk, snapshot, 'emulator.spec.storage.mode="Hybrid"']],
    ['an own PVC for one machine', [disk, 'emulator.spec.storage.existingClaim.name="mine"', 'emulator.replicas=1']],
    ['a folder for one machine, or none yet', [disk, folder, 'emulator.replicas=0']],
    ['the access mode that a folder has', [disk, folder, 'emulator.spec.storage.accessMode="ReadWriteOnce"']],
    ['a pull secret by the name of the API', [snapshot, 'emulator.spec.disk.snapshot.pullSecretRef.name="ghcr"']],
    ['other fields of a snapshot', [snapshot, 'emulator.spec.disk.snapshot.path="/disk/a.qcow2"']],
    ['a source of the disk that is used', [snapshot, 'emulator.spec.disk.source="Snapshot"']],
    ['a size for an Ephemeral machine', [snapshot, 'emulator.spec.storage.size="8Gi"']],
    ['options for the snapshot that others use', ['emulator.snapshotTag="next"', 'emulators={"a":{"diskPVC":"d"}}']],
    ['values for the charts around it', ['global={"registry":"r.example.com"}']],
  ];

  it.each(accepted)('are accepted: %s', async (_what, settings) => {
    expect((await render(...settings)).length).toBeGreaterThan(0);
  });

  it.each(refused)('are refused: %s', async (_why, settings, sentence) => {
    const text = await refusal(...settings);
    expect(text).toMatch(sentence);
    // What validators of JSON schemas say when they have nothing to say.
    expect(text).not.toMatch(/'(allOf|not)' failed|false schema/);
  });
});
