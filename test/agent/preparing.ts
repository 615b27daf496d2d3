// A preparation in a process of its own, which keeps its disk and the lock until it is killed.
// usage: preparing.ts ROOT [POD]; prints a line when it has the disk.
import { pino } from 'pino';
import { agentPaths, systemClock } from '../../src/agent/environment.ts';
import { openDisk } from '../../src/agent/prepare/index.ts';
import { ReportState } from '../../src/agent/report-state.ts';

const [root = '', podName = 'pc-0'] = process.argv.slice(2);
await openDisk({
  environment: { podName, podNamespace: 'games', podUid: `uid-of-${podName}` },
  variables: { KUBERNETES_SERVICE_HOST: '10.96.0.1' },
  paths: agentPaths(root),
  report: new ReportState({ podUid: `uid-of-${podName}`, phase: 'Starting', message: '' }),
  clock: systemClock,
  log: pino({ level: 'silent' }),
  signal: AbortSignal.timeout(60_000),
});
process.stdout.write('ready\n');
// Something that lives as long as this process is to.
setTimeout(() => undefined, 60_000);
