/**
 * Loaded into the agent that is measured (node --import), before its own code: leaves what the kernel knows of its
 * memory behind, and lets its server take any port, so that two benches, or a bench and a machine, don't meet.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { Server } from 'node:net';

const listen = Server.prototype.listen;
Server.prototype.listen = function listenAnywhere(port, ...others) {
  return listen.call(this, typeof port === 'number' ? 0 : port, ...others);
};

process.on('exit', () => writeFileSync(process.env.LOCO_BENCH_STATUS, readFileSync('/proc/self/status')));
