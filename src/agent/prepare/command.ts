import { readFile, writeFile } from 'node:fs/promises';
import { INIT_CONTAINER, PORTS } from '../../contract/pod.ts';
import { agentPaths, createLogger, readEnvironment, systemClock } from '../environment.ts';
import { messageOf } from '../failure.ts';
import { startAgentServer } from '../http-server.ts';
import { ReportState, terminationMessage } from '../report-state.ts';
import { openDisk } from './index.ts';

/** As a shell says it of a process that TERM ended: the disk isn't ready, and nobody must think so. */
const ENDED_BY_TERM = 143;

/**
 * `loco-agent prepare`, the pod's init container: ends with 0 when a verified disk is on the volume, and never with a
 * failure for what somebody can put right; that is reported and tried again.
 */
export async function prepareCommand(): Promise<number> {
  const environment = readEnvironment(process.env);
  if (!environment.ok) {
    process.stderr.write(`${environment.failure.message}\n`);
    return 1;
  }
  const stop = new AbortController();
  for (const name of ['SIGTERM', 'SIGINT'] as const) process.on(name, () => stop.abort());
  const paths = agentPaths('/', process.env);
  const log = createLogger(environment.value);
  const { podUid } = environment.value;
  const report = new ReportState({ podUid, phase: 'Preparing', message: 'The agent is starting.' });
  const readToken = () => readFile(paths.agentToken, 'utf8');
  const server = await startAgentServer({ port: PORTS.agent, report, readToken, log });
  const disk = await openDisk({
    environment: environment.value,
    variables: process.env,
    container: INIT_CONTAINER,
    paths,
    report,
    clock: systemClock,
    log,
    signal: stop.signal,
  });
  await writeLastWords(paths.terminationLog, report).catch((error: unknown) => {
    // Outside Kubernetes there is no such file, and nobody who reads it.
    log.debug({ error: messageOf(error) }, 'No termination message was written');
  });
  await disk?.close();
  await server.close();
  return disk === null ? ENDED_BY_TERM : 0;
}

function writeLastWords(path: string, report: ReportState): Promise<void> {
  // Never made here: outside Kubernetes it would be a file among the devices of whoever tries this out.
  return writeFile(path, terminationMessage(report.current), { flag: 'r+' });
}
