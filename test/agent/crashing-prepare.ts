// A preparation that is killed at its n-th step on the volume, as by a power cut for this process: no handler runs.
// usage: crashing-prepare.ts ROOT STEP before|after; prints the number of steps when it got through alive.
import { pino } from 'pino';
import { type VolumeFiles, volumeFiles } from '../../src/agent/disk/volume-files.ts';
import { agentPaths, systemClock } from '../../src/agent/environment.ts';
import { openDisk } from '../../src/agent/prepare/index.ts';
import { ReportState } from '../../src/agent/report-state.ts';

const [root = '', step = '', side = 'before'] = process.argv.slice(2);
let count = 0;
let now = Date.now();
// A second passes at every look, so that no report of progress is held back.
const clock = { ...systemClock, now: () => (now += 1000) };

function die(): void {
  process.kill(process.pid, 'SIGKILL');
}

/** Every function of {@link VolumeFiles} counts as one step. */
function mortal(): VolumeFiles {
  return new Proxy(volumeFiles, {
    get: (target, name: keyof VolumeFiles) => {
      const act = target[name] as (...args: unknown[]) => Promise<unknown>;
      return async (...args: unknown[]) => {
        count += 1;
        const mine = count === Number(step);
        if (mine && side === 'before') die();
        const result = await act(...args);
        if (mine && side === 'after') die();
        return result;
      };
    },
  });
}

const report = new ReportState({ podUid: 'uid-1', phase: 'Starting', message: '' });
report.subscribe(({ progress }) => {
  if (side === 'copying' && progress?.step === 'Copying' && progress.doneBytes >= Number(step)) die();
});
const disk = await openDisk({
  environment: { podName: 'pc-0', podNamespace: 'games', podUid: 'uid-1' },
  variables: { KUBERNETES_SERVICE_HOST: '10.96.0.1' },
  paths: agentPaths(root),
  report,
  clock,
  log: pino({ level: 'silent' }),
  signal: AbortSignal.timeout(60_000),
  files: mortal(),
});
await disk?.close();
process.stdout.write(`${count}\n`);
