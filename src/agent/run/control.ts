import { randomUUID } from 'node:crypto';
import { readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import type { ControlRequest } from '../../contract/control.ts';
import { failed, type Result, success } from '../failure.ts';
import type { ControlAnswer } from '../http-server.ts';
import type { Qemu } from './qemu-process.ts';

/** Carries out a control action on the guest that runs now, if one does; pictures pass through `folder`. */
export async function controlGuest(
  qemu: Qemu | undefined,
  request: ControlRequest,
  folder: string,
): Promise<ControlAnswer> {
  if (qemu === undefined) {
    return { kind: 'Refused', ...failed('NoGuest', 'There is no guest running right now.') };
  }
  switch (request.action) {
    case 'SerialWrite':
      qemu.serial.write(request.text);
      return { kind: 'Done' };
    case 'Screenshot': {
      const picture = await screenshot(qemu, path.join(folder, `screenshot-${randomUUID()}.png`));
      return picture.ok ? { kind: 'Png', png: picture.value } : { kind: 'Refused', failure: picture.failure };
    }
  }
}

async function screenshot(qemu: Qemu, filename: string): Promise<Result<Buffer>> {
  const dumped = await qemu.qmp.execute('screendump', z.unknown(), { arguments: { filename, format: 'png' } });
  if (!dumped.ok) {
    return dumped;
  }
  const png = await readFile(filename);
  await rm(filename, { force: true });
  return success(png);
}
