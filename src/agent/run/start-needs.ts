import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { execa } from 'execa';
import type { DiskRecord } from '../../contract/disk-record.ts';
import { failed, messageOf, type Result, success } from '../failure.ts';
import { chooseHardware, macAddressOf, parseMachineTypes } from './hardware.ts';
import { localTime } from './local-time.ts';
import type { Machine } from './machine.ts';
import { type Hardware, qemuArguments } from './qemu-arguments.ts';
import { prepareVncSecret } from './vnc-password.ts';

/** What a start of QEMU goes by. */
export interface StartNeeds {
  readonly hardware: Hardware;
  readonly arguments: string[];
}

/** Gathers what a start needs: VNC password, time zone, KVM where it is wanted, hardware. Fails with what is missing. */
export async function prepareStart(machine: Machine, record: DiskRecord): Promise<Result<StartNeeds>> {
  const { environment, endpoints, clock } = machine;
  const settings = environment.machine;
  const secret = await prepareVncSecret(machine.paths.vncPassword, endpoints.vncSecret, machine.ownVncPassword);
  if (!secret.ok) {
    return secret;
  }
  if (secret.value !== machine.paths.vncPassword) {
    machine.log.info({ file: secret.value }, 'The VNC password is in this file');
  }
  const time = localTime(clock.now(), settings.timeZone);
  if (!time.ok) {
    return time;
  }
  if (settings.acceleration === 'KVM' && !(await isUsable(machine.kvmDevice))) {
    return failed(
      'KVMNotAvailable',
      `machine.acceleration is KVM and ${machine.kvmDevice} isn't there or can't be opened. Set machine.kvmResourceName ` +
        'to the resource of a KVM device plugin on your nodes, or machine.acceleration to TCG.',
    );
  }
  const hardware = await hardwareOf(machine, record);
  if (!hardware.ok) {
    return hardware;
  }
  const input = { name: environment.podName, settings, hardware: hardware.value, endpoints, localTime: time.value };
  return success({ hardware: hardware.value, arguments: qemuArguments(input) });
}

async function hardwareOf({ environment, qemuProgram }: Machine, record: DiskRecord): Promise<Result<Hardware>> {
  const help = await execa(qemuProgram, ['-machine', 'help'], { reject: false });
  if (help.failed) {
    return failed('QEMUStartFailed', `${qemuProgram} doesn't run in this image: ${messageOf(help)}`);
  }
  return chooseHardware({
    wantedType: environment.machine.type,
    recorded: record.hardware,
    known: parseMachineTypes(help.stdout),
    macAddress: macAddressOf(environment.podNamespace, environment.emulatorName, environment.ordinal),
  });
}

async function isUsable(device: string): Promise<boolean> {
  try {
    await access(device, constants.R_OK | constants.W_OK);
    return true;
  } catch {
    // Not there or not allowed: the same to whoever wants KVM.
    return false;
  }
}
