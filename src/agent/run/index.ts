import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { PORTS } from '../../contract/pod.ts';
import { volumeOf } from '../disk/volume.ts';
import { volumeFiles } from '../disk/volume-files.ts';
import { agentPaths, createLogger, readEnvironment, runsAlone, systemClock } from '../environment.ts';
import { messageOf } from '../failure.ts';
import { startAgentServer } from '../http-server.ts';
import { openDisk } from '../prepare/index.ts';
import { ReportState, terminationMessage } from '../report-state.ts';
import { controlGuest } from './control.ts';
import type { Machine } from './machine.ts';
import { MEMORY_KILL_COUNTERS } from './memory-kills.ts';
import { podEndpoints } from './qemu-arguments.ts';
import type { Qemu } from './qemu-process.ts';
import { reserveOf } from './reserve-of-machine.ts';
import { supervise } from './supervisor.ts';

/**
 * `loco-agent run`: the machine of this pod, until TERM. Gives the process's exit code: 0 after a stop that was asked
 * for, 1 where the pod's environment can't be used.
 */
export async function runMachine(): Promise<number> {
  const read = readEnvironment(process.env);
  if (!read.ok) {
    process.stderr.write(`${read.failure.message}\n`);
    return 1;
  }
  const environment = read.value;
  const paths = agentPaths('/', process.env);
  const log = createLogger(environment);
  const stop = stopSignal();
  const { podUid } = environment;
  const report = new ReportState({ podUid, phase: 'Starting', message: 'The agent is starting.' });
  // Which QEMU a control action goes to: the one that runs now.
  let current: Qemu | undefined;
  const machine: Machine = {
    environment,
    paths,
    endpoints: podEndpoints(paths.disk, paths.run),
    qemuProgram: 'qemu-system-i386',
    kvmDevice: '/dev/kvm',
    memoryKillCounters: MEMORY_KILL_COUNTERS,
    reserve: reserveOf(environment.machine.diskCache, volumeFiles, volumeOf(paths.disk), log),
    ...(runsAlone(process.env) ? { ownVncPassword: path.join(volumeOf(paths.disk).folder, 'vnc-password') } : {}),
    report,
    clock: systemClock,
    log,
    onQemu: (qemu) => {
      current = qemu;
    },
  };
  const server = await startAgentServer({
    port: PORTS.agent,
    report,
    readToken: () => readFile(paths.agentToken, 'utf8'),
    control: (request) => controlGuest(current, request, paths.run),
    log,
  });
  await supervise(
    machine,
    () => openDisk({ environment, variables: process.env, paths, report, clock: systemClock, log, signal: stop }),
    stop,
  );
  try {
    await writeFile(paths.terminationLog, terminationMessage(report.current), { flag: 'r+' });
  } catch (error) {
    // Outside Kubernetes there is no such file, and nobody who reads it.
    log.debug({ error: messageOf(error) }, 'No termination message was written');
  }
  await server.close();
  return 0;
}

/** Aborts at the first TERM or INT; the later ones change nothing. */
function stopSignal(): AbortSignal {
  const controller = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => controller.abort());
  }
  return controller.signal;
}
