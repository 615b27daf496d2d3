import type { V1ObjectMeta, V1OwnerReference } from '@kubernetes/client-node';
import { API_VERSION } from '../../../api/group.ts';
import { objectLabels } from '../names.ts';

/** What the renderers need of an Emulator's identity. */
export interface Owner {
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
}

/** Makes the garbage collector remove the object with its Emulator. */
function controllerReference(owner: Owner): V1OwnerReference {
  return {
    apiVersion: API_VERSION,
    kind: 'Emulator',
    name: owner.name,
    uid: owner.uid,
    controller: true,
    blockOwnerDeletion: true,
  };
}

/** Metadata of an object that lives and dies with its Emulator. */
export function childMetadata(owner: Owner, name: string): V1ObjectMeta {
  return {
    name,
    namespace: owner.namespace,
    labels: objectLabels(owner.name),
    ownerReferences: [controllerReference(owner)],
  };
}
