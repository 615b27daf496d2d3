import { createCipheriv } from 'node:crypto';
import { createConnection, type Socket } from 'node:net';

/** One picture of a VNC screen: `width` x `height` pixels of three bytes, red, green, blue. */
interface Frame {
  readonly width: number;
  readonly height: number;
  readonly rgb: Buffer;
}

export type RfbAnswer =
  | { readonly kind: 'Accepted'; readonly desktopName: string; readonly frame: Frame }
  | { readonly kind: 'Refused'; readonly message: string };

export interface RfbTarget {
  readonly host: string;
  readonly port: number;
  /** Undefined: tries to get in without one. */
  readonly password: string | undefined;
  readonly timeoutMilliseconds?: number;
}

const SECURITY_NONE = 1;
const SECURITY_VNC = 2;
const RAW_ENCODING = 0;
const BYTES_PER_PIXEL = 4;

/**
 * A whole VNC viewer in one call (RFC 6143): shakes hands, logs in, fetches one frame and goes away. Rejects when the
 * server isn't there, is no VNC server, or takes longer than the timeout (10 s unless told).
 */
export async function viewOnce(target: RfbTarget): Promise<RfbAnswer> {
  const socket = createConnection({ host: target.host, port: target.port });
  socket.setTimeout(target.timeoutMilliseconds ?? 10_000, () => socket.destroy(new Error('The VNC server hangs.')));
  const reader = new ByteReader(socket);
  try {
    const refusal = await logIn(socket, reader, target.password);
    return refusal === undefined
      ? { kind: 'Accepted', ...(await fetchFrame(socket, reader)) }
      : { kind: 'Refused', message: refusal };
  } finally {
    socket.destroy();
  }
}

/** Gives the server's reason when it lets nobody in like this. */
async function logIn(socket: Socket, reader: ByteReader, password: string | undefined): Promise<string | undefined> {
  const version = (await reader.take(12)).toString('latin1');
  if (!version.startsWith('RFB ')) {
    throw new Error(`Not a VNC server; it says ${JSON.stringify(version)}.`);
  }
  socket.write('RFB 003.008\n');
  const count = (await reader.take(1)).readUInt8();
  if (count === 0) {
    return readText(reader);
  }
  const offered = [...(await reader.take(count))];
  const wanted = password === undefined ? SECURITY_NONE : SECURITY_VNC;
  if (!offered.includes(wanted)) {
    return `The server offers security types ${offered.join(', ')}, not ${wanted}.`;
  }
  socket.write(Buffer.from([wanted]));
  if (password !== undefined) {
    socket.write(vncResponse(await reader.take(16), password));
  }
  const result = (await reader.take(4)).readUInt32BE();
  return result === 0 ? undefined : readText(reader);
}

/** VNC's DES takes the bits of each key byte in reverse. Three equal keys make triple DES plain DES. */
function vncResponse(challenge: Buffer, password: string): Buffer {
  const key = Buffer.alloc(8);
  Buffer.from(password, 'utf8').copy(key);
  const reversed = key.map((byte) =>
    Number.parseInt(byte.toString(2).padStart(8, '0').split('').reverse().join(''), 2),
  );
  const cipher = createCipheriv('des-ede3-ecb', Buffer.concat([reversed, reversed, reversed]), null);
  cipher.setAutoPadding(false);
  return Buffer.concat([cipher.update(challenge), cipher.final()]);
}

async function fetchFrame(socket: Socket, reader: ByteReader): Promise<{ desktopName: string; frame: Frame }> {
  socket.write(Buffer.from([1]));
  const init = await reader.take(20);
  const width = init.readUInt16BE(0);
  const height = init.readUInt16BE(2);
  const desktopName = await readText(reader);
  // SetPixelFormat: 32 bits, depth 24, little-endian, true colour, 8 bits a channel, red 16, green 8, blue 0.
  socket.write(Buffer.from([0, 0, 0, 0, 32, 24, 0, 1, 0, 255, 0, 255, 0, 255, 16, 8, 0, 0, 0, 0]));
  // SetEncodings: raw alone.
  socket.write(Buffer.from([2, 0, 0, 1, 0, 0, 0, RAW_ENCODING]));
  const request = Buffer.alloc(10);
  request.writeUInt8(3, 0);
  request.writeUInt16BE(width, 6);
  request.writeUInt16BE(height, 8);
  socket.write(request);
  const rgb = Buffer.alloc(width * height * 3);
  let missing = width * height;
  while (missing > 0) {
    missing -= await readMessage(reader, rgb, width);
  }
  return { desktopName, frame: { width, height, rgb } };
}

/** Reads one message of the server and draws it; gives how many pixels it held. */
async function readMessage(reader: ByteReader, rgb: Buffer, frameWidth: number): Promise<number> {
  const type = (await reader.take(1)).readUInt8();
  switch (type) {
    case 0: {
      let pixels = 0;
      const rectangles = (await reader.take(3)).readUInt16BE(1);
      for (let index = 0; index < rectangles; index++) {
        pixels += await readRectangle(reader, rgb, frameWidth);
      }
      return pixels;
    }
    case 2: // Bell
      return 0;
    case 3: // Clipboard
      await reader.take(3);
      await readText(reader);
      return 0;
    default:
      throw new Error(`The VNC server sent a message of type ${type}, which wasn't asked for.`);
  }
}

async function readRectangle(reader: ByteReader, rgb: Buffer, frameWidth: number): Promise<number> {
  const header = await reader.take(12);
  const [left, top, width, height] = [0, 2, 4, 6].map((at) => header.readUInt16BE(at)) as [
    number,
    number,
    number,
    number,
  ];
  if (header.readInt32BE(8) !== RAW_ENCODING) {
    throw new Error(`The VNC server sent encoding ${header.readInt32BE(8)}, which wasn't asked for.`);
  }
  const pixels = await reader.take(width * height * BYTES_PER_PIXEL);
  for (let index = 0; index < width * height; index++) {
    const at = ((top + Math.floor(index / width)) * frameWidth + left + (index % width)) * 3;
    const value = pixels.readUInt32LE(index * BYTES_PER_PIXEL);
    rgb.writeUIntBE(value & 0xffffff, at, 3);
  }
  return width * height;
}

async function readText(reader: ByteReader): Promise<string> {
  const length = (await reader.take(4)).readUInt32BE();
  return (await reader.take(length)).toString('utf8');
}

/** Takes a stream apart into pieces of known length. */
class ByteReader {
  readonly #parts: AsyncIterator<Buffer>;
  #rest: Buffer = Buffer.alloc(0);

  constructor(socket: Socket) {
    this.#parts = socket[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  }

  async take(length: number): Promise<Buffer> {
    const pieces = [this.#rest];
    let have = this.#rest.length;
    while (have < length) {
      const next = await this.#parts.next();
      if (next.done === true) {
        throw new Error(`The VNC server closed the connection; ${length - have} bytes are missing.`);
      }
      pieces.push(next.value);
      have += next.value.length;
    }
    const all = Buffer.concat(pieces);
    this.#rest = all.subarray(length);
    return all.subarray(0, length);
  }
}
