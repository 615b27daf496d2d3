import type { MachineSettings } from '../../contract/machine-settings.ts';
import { PORTS } from '../../contract/pod.ts';

/** What is fixed at the machine's first start and kept in its disk's record. */
export interface Hardware {
  /** A versioned QEMU machine type. */
  readonly machineType: string;
  readonly macAddress: string;
}

/** Files and ports of one QEMU process. */
export interface QemuEndpoints {
  /** The qcow2 file. */
  readonly disk: string;
  /** UNIX sockets that QEMU makes. */
  readonly qmpSocket: string;
  readonly serialSocket: string;
  /** A file with the VNC password and nothing else. */
  readonly vncSecret: string;
  readonly vncPort: number;
  readonly vncWebSocketPort: number;
}

export interface QemuArgumentsInput {
  /** Shown as the title of the VNC screen. */
  readonly name: string;
  readonly settings: MachineSettings;
  readonly hardware: Hardware;
  readonly endpoints: QemuEndpoints;
  /** The guest's wall clock at start, `YYYY-MM-DDTHH:MM:SS`; see `local-time.ts`. */
  readonly localTime: string;
}

/** The block node of the guest's disk, for monitor commands. */
export const DISK_NODE = 'd0';

/**
 * PCI slots on bus 0. Windows 98 takes a device in another slot for a new one and installs its driver again, so
 * these never change; slot 0 is the host bridge and slot 1 the PIIX3 (ISA, IDE).
 */
const PCI_SLOT = { video: '0x2', nic: '0x3', sound: '0x4', usb: '0x5' } as const;

const VIDEO_DEVICE = { std: 'VGA', cirrus: 'cirrus-vga', vmware: 'vmware-svga' } as const;

const VNC_BASE_PORT = 5900;

/** The command line of one machine, without the program's name. */
export function qemuArguments(input: QemuArgumentsInput): string[] {
  const { settings, endpoints } = input;
  return [
    ...boardArguments(input),
    ...diskArguments(settings, endpoints.disk),
    ...videoArguments(settings),
    ...nicArguments(settings, input.hardware.macAddress),
    ...soundArguments(settings),
    ...pointerArguments(settings),
    ...channelArguments(endpoints),
    // Stands still until the agent hears the monitor and the serial line: nothing that the guest says is lost.
    '-S',
    // A guest that switches itself off leaves QEMU there to be asked, which is the proof of a clean end.
    '-no-shutdown',
    ...settings.extraArgs,
  ];
}

function boardArguments({ name, settings, hardware, localTime }: QemuArgumentsInput): string[] {
  return [
    ...['-nodefaults', '-no-user-config'],
    ...['-name', name.replaceAll(',', ',,')],
    ...['-sandbox', 'on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny'],
    ...['-machine', `${hardware.machineType},usb=off`],
    // TCG's translation buffer is 1 GiB unless told, whatever the container's memory limit.
    ...['-accel', settings.acceleration === 'KVM' ? 'kvm' : 'tcg,tb-size=128'],
    ...['-cpu', settings.cpu],
    ...['-smp', '1'],
    ...['-m', `${settings.memoryMiB}M`],
    ...['-rtc', `base=${localTime}`],
    ...['-boot', 'strict=on'],
  ];
}

/**
 * `Durable`: the disk's write cache is off, each write is flushed through the qcow2 layer before the guest hears that
 * it is done (Windows 98 never flushes). `Writeback`: for disks that don't outlive their pod anyway.
 */
function diskArguments(settings: MachineSettings, disk: string): string[] {
  const writeCache = settings.diskCache === 'Durable' ? 'off' : 'on';
  return [
    '-blockdev',
    JSON.stringify({ driver: 'file', 'node-name': 'd0-file', filename: disk, locking: 'on' }),
    '-blockdev',
    JSON.stringify({ driver: 'qcow2', 'node-name': DISK_NODE, file: 'd0-file' }),
    '-device',
    `ide-hd,id=disk,drive=${DISK_NODE},bus=ide.0,unit=0,bootindex=0,write-cache=${writeCache},werror=stop,rerror=stop`,
  ];
}

function videoArguments(settings: MachineSettings): string[] {
  return ['-device', `${VIDEO_DEVICE[settings.video]},id=video,bus=pci.0,addr=${PCI_SLOT.video}`];
}

function nicArguments(settings: MachineSettings, macAddress: string): string[] {
  if (settings.nic === 'none') {
    return [];
  }
  return [
    ...['-netdev', 'user,id=net,ipv6=off'],
    // No option ROM: it would only offer to boot over the network, and comes from another package.
    ...['-device', `${settings.nic},id=nic,netdev=net,mac=${macAddress},romfile=,bus=pci.0,addr=${PCI_SLOT.nic}`],
  ];
}

function soundArguments(settings: MachineSettings): string[] {
  switch (settings.sound) {
    case 'none':
      return [];
    case 'sb16':
      return ['-audiodev', 'none,id=audio', '-device', 'sb16,id=sound,audiodev=audio,iobase=0x220,irq=5,dma=1,dma16=5'];
    case 'es1370':
      return [
        '-audiodev',
        'none,id=audio',
        '-device',
        `ES1370,id=sound,audiodev=audio,bus=pci.0,addr=${PCI_SLOT.sound}`,
      ];
  }
}

function pointerArguments(settings: MachineSettings): string[] {
  if (settings.pointer === 'PS2') {
    return [];
  }
  return [
    ...['-device', `piix3-usb-uhci,id=usb,bus=pci.0,addr=${PCI_SLOT.usb}`],
    ...['-device', 'usb-tablet,id=tablet,bus=usb.0,port=1'],
  ];
}

function channelArguments(endpoints: QemuEndpoints): string[] {
  const display = endpoints.vncPort - VNC_BASE_PORT;
  return [
    ...['-chardev', `socket,id=qmp,path=${endpoints.qmpSocket},server=on,wait=off`],
    ...['-mon', 'chardev=qmp,mode=control'],
    ...['-chardev', `socket,id=serial,path=${endpoints.serialSocket},server=on,wait=off`],
    ...['-device', 'isa-serial,id=com1,chardev=serial,index=0'],
    ...['-object', `secret,id=vnc-password,file=${endpoints.vncSecret}`],
    '-vnc',
    `:${display},websocket=${endpoints.vncWebSocketPort},share=force-shared,password-secret=vnc-password`,
  ];
}

/** The endpoints of a pod's only machine, with its sockets in `folder`. */
export function podEndpoints(disk: string, folder: string): QemuEndpoints {
  return {
    disk,
    qmpSocket: `${folder}/qmp.sock`,
    serialSocket: `${folder}/serial.sock`,
    vncSecret: `${folder}/vnc-password`,
    vncPort: PORTS.vnc,
    vncWebSocketPort: PORTS.vncWebSocket,
  };
}
