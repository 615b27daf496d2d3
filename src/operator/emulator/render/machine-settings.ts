import type { EmulatorSpec } from '../../../api/emulator/schema.ts';
import type { MachineSettings } from '../../../contract/machine-settings.ts';
import { guestMemoryMiB } from './memory.ts';

/** What the agent is told of its machine's hardware and policies; stands in the pod template. */
export function machineSettings(spec: EmulatorSpec): MachineSettings {
  const { machine, shutdown } = spec;
  return {
    type: machine.type,
    cpu: machine.cpu,
    memoryMiB: guestMemoryMiB(spec),
    acceleration: machine.acceleration,
    video: machine.video,
    sound: machine.sound,
    nic: machine.nic,
    timeZone: machine.timeZone,
    pointer: machine.pointer,
    extraArgs: machine.extraArgs,
    gracePeriodSeconds: shutdown.gracePeriodSeconds,
    onGuestPowerOff: shutdown.onGuestPowerOff,
    readinessScreen: spec.readiness.screen,
    diskCache: spec.storage.mode === 'Ephemeral' ? 'Writeback' : 'Durable',
  };
}
