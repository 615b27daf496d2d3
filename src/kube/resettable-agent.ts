import https from 'node:https';
import net, { type Socket } from 'node:net';
import tls from 'node:tls';

/**
 * An agent whose connections can be reset: what of a request still lies in this machine's buffers is dropped then.
 * A connection that is closed the usual way delivers it first, minutes later if a network was cut that long. Node
 * resets plain sockets only, so each TLS connection gets one of its own that this agent knows of.
 */
export class ResettableAgent extends https.Agent {
  readonly #plain = new WeakMap<Socket, Socket>();

  override createConnection(options: tls.ConnectionOptions & { port?: number; keepAliveMsecs?: number }): Socket {
    const { host, port = 443, lookup, keepAliveMsecs } = options;
    const plain = net.connect({
      port,
      noDelay: true,
      keepAlive: true,
      ...(host === undefined ? {} : { host }),
      ...(lookup === undefined ? {} : { lookup }),
      ...(keepAliveMsecs === undefined ? {} : { keepAliveInitialDelay: keepAliveMsecs }),
    });
    const secure = tls.connect({ ...options, socket: plain });
    this.#plain.set(secure, plain);
    return secure;
  }

  /** Resets a connection of this agent. */
  reset(socket: Socket): void {
    const plain = this.#plain.get(socket);
    if (plain === undefined) return;
    // The TLS connection closes its own with it. Resetting that one first ends the process (Node 26.10: SIGSEGV).
    plain.destroy = () => {
      Reflect.deleteProperty(plain, 'destroy');
      return plain.resetAndDestroy();
    };
    socket.destroy();
  }
}
