import { describe, expect, test } from 'vitest';
import { operatorRequests } from '../support/audit-log.ts';
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
  test('none was missing', async () => {
    const requests = await operatorRequests(cluster.environment, new Date(cluster.environment.startedAt));
    const denied = requests.filter(({ annotations }) => annotations?.['authorization.k8s.io/decision'] !== 'allow');
    expect(denied).toEqual([]);
    const unfinalized = requests.filter(({ responseStatus }) =>
      responseStatus?.message?.includes('cannot set blockOwnerDeletion'),
    );
    expect(unfinalized).toEqual([]);
  });

  test('none is unused', async () => {
    // Since the cluster is there: what began before this run, such as a watch, may still be used.
    const requests = await operatorRequests(cluster.environment, new Date(0));
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
