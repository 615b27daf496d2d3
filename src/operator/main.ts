import { hostname } from 'node:os';
import process from 'node:process';
import { pino } from 'pino';
import { errorMessage } from '../kube/errors.ts';
import { connectByAddress, runOperator } from './process.ts';
import { readSettings } from './settings.ts';

// The operator as it runs in its image.
try {
  const settings = readSettings(process.env, hostname());
  const log = pino({
    level: settings.logLevel,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
  });
  process.on('uncaughtException', (error) => {
    log.fatal({ err: error }, `unexpected error: ${errorMessage(error)}`);
    process.exit(1);
  });
  process.exit(await runOperator(settings, log, connectByAddress));
} catch (error) {
  process.stderr.write(`loco-operator: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}
