import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { KubeClient } from '../../src/kube/client.ts';
import { systemClock } from '../../src/kube/clock.ts';
import { openConnection } from '../../src/kube/connection.ts';
import { ApiError, errorMessage } from '../../src/kube/errors.ts';
import { LeaderElection } from '../../src/kube/lease.ts';

/** Path of this program: `node FILE KUBECONFIG IDENTITY`. */
export const leaseCandidateFile = import.meta.filename;

/** What a candidate says, one line each, as JSON. */
export interface CandidateLine {
  readonly says: 'Waits' | 'Leads' | 'Interrupted' | 'Resumed' | 'Lost' | 'Wrote' | 'Refused' | 'Failed';
  readonly message?: string;
}

const CONFIG_MAPS = { group: '', version: 'v1', plural: 'configmaps', kind: 'ConfigMap' };
const WRITERS = 4;

/**
 * A process that wants to lead, and writes as much as it can whenever its fence lets it: objects of ever new names,
 * which nothing but the fence would keep a former leader from making.
 */
async function run(kubeconfig: string, identity: string): Promise<void> {
  const say = (line: CandidateLine): boolean => process.stdout.write(`${JSON.stringify(line)}\n`);
  const connection = await openConnection(systemClock, kubeconfig);
  const userAgent = `loco-operator/test (${identity})`;
  const election = new LeaderElection({
    client: new KubeClient(connection, { userAgent }),
    clock: systemClock,
    namespace: 'default',
    name: 'candidates',
    identity,
    onInterrupted: (interrupted) => say({ says: interrupted ? 'Interrupted' : 'Resumed' }),
    onFailure: (error) => say({ says: 'Failed', message: errorMessage(error) }),
  });
  const client = new KubeClient(connection, { fence: election, userAgent });
  let written = 0;
  let ends = false;
  const write = async (): Promise<void> => {
    while (!ends) {
      written += 1;
      const name = `${identity}-${written}`;
      const outcome = client.create(CONFIG_MAPS, { metadata: { name, namespace: 'default' } });
      await outcome.then(
        () => say({ says: 'Wrote', message: name }),
        (error: unknown) => {
          say({
            says: error instanceof ApiError && error.reason === 'NotLeader' ? 'Refused' : 'Failed',
            message: name,
          });
        },
      );
      await sleep(20);
    }
  };
  const writers: Promise<void>[] = [];
  process.once('SIGTERM', () => {
    ends = true;
    void Promise.all(writers).then(() => election.release());
  });
  say({ says: 'Waits' });
  while (await election.acquire()) {
    say({ says: 'Leads' });
    // From now on they try for ever, leader or not: only the fence knows.
    if (writers.length === 0) for (let each = 0; each < WRITERS; each += 1) writers.push(write());
    if ((await election.hold()) === 'Released') break;
    say({ says: 'Lost' });
  }
  connection.agent.destroy();
}

if (import.meta.main) await run(process.argv[2] ?? '', process.argv[3] ?? '');
