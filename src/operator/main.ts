import { hostname } from 'node:os';
import process from 'node:process';
import { pino } from 'pino';
import { errorMessage } from '../kube/errors.ts';
import { APPLY_CRDS, runApplyCrds } from './crds/command.ts';
import { connectByAddress, runOperator } from './process.ts';
import { readSettings } from './settings.ts';

function createLog(level: string) {
  return pino({
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
  });
}

async function operate(): Promise<number> {
  const settings = readSettings(process.env, hostname());
  const log = createLog(settings.logLevel);
  process.on('uncaughtException', (error) => {
    log.fatal({ err: error }, `unexpected error: ${errorMessage(error)}`);
    process.exit(1);
  });
  return runOperator(settings, log, connectByAddress);
}

// The operator as it runs in its image; or, told so, what the chart runs before an upgrade.
try {
  const [command, ...args] = process.argv.slice(2);
  const isOther = command === APPLY_CRDS;
  process.exit(
    await (isOther ? runApplyCrds(args, process.env['KUBECONFIG'] || undefined, createLog('info')) : operate()),
  );
} catch (error) {
  process.stderr.write(`loco-operator: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}
