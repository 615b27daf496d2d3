import { beforeAll, describe, expect, test } from 'vitest';
import { type Entry, operatorRequests } from '../support/audit-log.ts';
import { Cluster } from '../support/cluster.ts';
import { grantedRights, right } from '../support/granted-rights.ts';

const cluster = new Cluster();
const { auditLog, operatorNamespace } = cluster.environment;

/**
 * Asked by an admission plugin (OwnerReferencesPermissionEnforcement, which the local cluster has on), never by a
 * request of its own: who lacks it gets 403 when an object's owner reference is to hold back a deletion.
 */
const ASKED_BY_ADMISSION = ['update emulators/finalizers.loco.mroie.github.io'];

/** Caches are filled by a watch that begins with what is there, or by a list where the API server has no such (test/kube). */
const insteadOf = (verb: string): readonly string[] => (verb === 'watch' ? ['list', 'watch'] : [verb]);

describe.skipIf(auditLog === undefined)('of the rights that the chart gives the operator, over the whole run', () => {
  let requests: Entry[];
  beforeAll(async () => {
    requests = await operatorRequests(cluster.environment, new Date(cluster.environment.startedAt));
  });

  test('none was missing', () => {
    const denied = requests.filter(({ annotations }) => annotations?.['authorization.k8s.io/decision'] !== 'allow');
    expect(denied).toEqual([]);
    const refused = requests.filter(({ responseStatus }) => responseStatus?.code === 403);
    // Nothing more can be made in a namespace that is being deleted; that is no matter of rights.
    expect(refused.filter(({ responseStatus }) => !responseStatus?.message?.includes('is being terminated'))).toEqual(
      [],
    );
  });

  test('none is unused', async () => {
    const granted = await grantedRights(cluster, { name: 'loco-operator', namespace: operatorNamespace });
    expect(granted.size).toBeGreaterThan(0);
    const used = requests.flatMap(({ verb, objectRef: { resource = '', subresource, apiGroup = '' } = {} }) => {
      const what = subresource === undefined ? resource : `${resource}/${subresource}`;
      return insteadOf(verb).map((one) => right(one, what, apiGroup));
    });
    const unused = granted.difference(new Set([...used, ...ASKED_BY_ADMISSION]));
    expect([...unused], 'rights that no test made the operator use (a run of all files does)').toEqual([]);
  });
});
