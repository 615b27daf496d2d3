import { createConnection } from 'node:net';

/** The first bytes of every RFB server: `RFB 003.008` and a line end. */
const VERSION = /^RFB \d{3}\.\d{3}\n/;
const VERSION_BYTES = 12;

/**
 * Whether a VNC server greets on this port of the pod within `timeoutMilliseconds`. Goes away before the part of the
 * handshake that would count as a viewer.
 */
export function answersRfb(port: number, timeoutMilliseconds: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ port, host: '127.0.0.1' });
    let received = '';
    const finish = (answers: boolean) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(answers);
    };
    const timer = setTimeout(() => finish(false), timeoutMilliseconds);
    socket.on('data', (bytes: Buffer) => {
      received += bytes.toString('latin1');
      if (received.length >= VERSION_BYTES) {
        finish(VERSION.test(received));
      }
    });
    socket.once('error', () => finish(false));
    socket.once('end', () => finish(false));
  });
}
