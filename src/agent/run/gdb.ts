import { createConnection, type Socket } from 'node:net';
import { failed, messageOf, type Result, success } from '../failure.ts';

/** QEMU's GDB server, as much of it as sets and takes away a breakpoint. */
export interface GdbClient {
  /** The guest stops before the instruction at this linear address. Fails with `GDBRefused` or `GDBTimeout`. */
  setBreakpoint(address: number): Promise<Result<void>>;
  removeBreakpoint(address: number): Promise<Result<void>>;
  close(): void;
}

const ANSWER_MILLISECONDS = 2000;

/** Connects to the UNIX socket of QEMU's GDB server. Fails with `GDBUnreachable`. */
export function connectGdb(socketPath: string): Promise<Result<GdbClient>> {
  return new Promise((resolve) => {
    const socket = createConnection(socketPath);
    socket.setEncoding('latin1');
    socket.once('connect', () => resolve(success(clientOf(socket))));
    // After the connection an error means that QEMU is gone; whoever waits for an answer gets none.
    socket.on('error', (error) => resolve(failed('GDBUnreachable', messageOf(error))));
  });
}

function clientOf(socket: Socket): GdbClient {
  return {
    setBreakpoint: (address) => ask(socket, `Z0,${address.toString(16)},1`),
    removeBreakpoint: (address) => ask(socket, `z0,${address.toString(16)},1`),
    close: () => socket.destroy(),
  };
}

/** Sends a packet and waits until it was done; packets in which QEMU tells that the guest stopped come between. */
function ask(socket: Socket, packet: string): Promise<Result<void>> {
  return new Promise((resolve) => {
    let received = '';
    const finish = (result: Result<void>) => {
      clearTimeout(timer);
      socket.off('data', read);
      resolve(result);
    };
    const read = (text: string) => {
      received += text;
      const answer = /\$(OK|E\d\d|)#[0-9a-f]{2}/.exec(received)?.[1];
      if (answer === undefined) return;
      socket.write('+');
      finish(answer === 'OK' ? success(undefined) : failed('GDBRefused', `QEMU answered ${answer} to ${packet}.`));
    };
    const timer = setTimeout(
      () => finish(failed('GDBTimeout', `QEMU gave no answer to ${packet}.`)),
      ANSWER_MILLISECONDS,
    );
    socket.on('data', read);
    socket.write(framed(packet));
  });
}

/** A packet of GDB's remote protocol: `$`, the text, `#` and the sum of its bytes. */
export function framed(packet: string): string {
  const sum = [...Buffer.from(packet, 'latin1')].reduce((total, byte) => (total + byte) & 0xff, 0);
  return `$${packet}#${sum.toString(16).padStart(2, '0')}`;
}
