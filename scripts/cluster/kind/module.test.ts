import { expect, test } from 'vitest';
import { UserError } from '../../console.ts';
import { parseStorageAddOn } from './module.ts';

const source = `package nodeimage

const storageProvisionerImage = "docker.io/kindest/local-path-provisioner:v1"
const storageHelperImage = "docker.io/kindest/local-path-helper:v2"

const defaultStorageManifest = \`
image: \` + storageProvisionerImage + \`
args:
  - \` + storageHelperImage + \`
\`
`;

test("reads kind's storage manifest with its images out of the Go source", () => {
  expect(parseStorageAddOn(source)).toEqual({
    manifest: 'image: docker.io/kindest/local-path-provisioner:v1\nargs:\n  - docker.io/kindest/local-path-helper:v2\n',
    provisionerImage: 'docker.io/kindest/local-path-provisioner:v1',
    helperImage: 'docker.io/kindest/local-path-helper:v2',
  });
});

test('says what to adapt where a newer kind has it elsewhere', () => {
  expect(() => parseStorageAddOn(source.replace('defaultStorageManifest', 'other'))).toThrow(UserError);
});
