import { stringify } from 'yaml';
import { kwokStages } from './stages.ts';

/**
 * Who asked for what, of every request. Of leases also what was asked and answered: from that it shows who held one
 * when. `RequestReceived` would only double the log.
 */
export const auditPolicy = stringify({
  apiVersion: 'audit.k8s.io/v1',
  kind: 'Policy',
  omitStages: ['RequestReceived'],
  rules: [
    { level: 'RequestResponse', resources: [{ group: 'coordination.k8s.io', resources: ['leases'] }] },
    { level: 'Metadata' },
  ],
});

/** What `kubectl exec` does in a simulated pod: it runs a program of this folder. */
function exec(programs: string): object {
  return {
    apiVersion: 'kwok.x-k8s.io/v1alpha1',
    kind: 'ClusterExec',
    metadata: { name: 'every-pod' },
    spec: { execs: [{ local: { envs: [{ name: 'PATH', value: `${programs}:/usr/bin:/bin` }] } }] },
  };
}

/** @param programs folder of the programs that an exec into a pod finds */
export function kwokConfiguration(programs: string): string {
  return [...kwokStages(), exec(programs)].map((document) => stringify(document)).join('---\n');
}
