import type { KubeObject } from '../../kube/object.ts';
import { LABELS, MANAGED_BY } from './names.ts';
import type { ForeignChild } from './observed.ts';
import type { Owner } from './render/owner.ts';

/** Is an object under one of our names somebody else's? One without a controller is not: it is adopted, or left as it is. */
export function foreignChild(child: KubeObject, { name, uid }: Pick<Owner, 'name' | 'uid'>): ForeignChild | undefined {
  const controller = (child.metadata.ownerReferences ?? []).find((reference) => reference.controller === true);
  if (controller === undefined || controller.uid === uid) return undefined;
  const ofPredecessor = controller.kind === 'Emulator' && controller.name === name;
  return { kind: child.kind ?? '', name: child.metadata.name, ofPredecessor };
}

/** May an object that no cache has be taken over? Only one that was made for this Emulator, or for nobody by us. */
export function isOurs(object: KubeObject, owner: Pick<Owner, 'name' | 'uid'>): boolean {
  const { labels, ownerReferences = [] } = object.metadata;
  const made = labels?.[LABELS.managedBy] === MANAGED_BY || ownerReferences.some(({ uid }) => uid === owner.uid);
  return made && foreignChild(object, owner) === undefined;
}
