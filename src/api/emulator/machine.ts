import { z } from 'zod';
import { bytes, compareQuantity, textOf } from '../field.ts';
import { celText, matchesRule, rules } from '../rule.ts';

/** Processor models of Windows 98's time. Another model says that the guest is another system. */
const WINDOWS_98_CPU = /^(486|pentium|pentium2|pentium3|athlon)(-v1)?(,.*)?$/;

/**
 * Options that the agent sets itself and relies on. A second `-machine` or `-m` changes the hardware that the guest
 * was installed on, a second monitor or screen is a door without a password, and the rest end, stop or replace the
 * machine behind the agent's back.
 */
const OWN_OPTIONS = [
  ...['accel', 'enable-kvm', 'machine', 'M', 'cpu', 'm', 'smp', 'rtc'],
  ...['vnc', 'display', 'nographic', 'qmp', 'qmp-pretty', 'monitor', 'mon'],
  ...['incoming', 'loadvm', 'snapshot', 'preconfig', 'S', 'no-shutdown', 'no-reboot', 'action'],
  ...[
    'hda',
    'hdb',
    'hdc',
    'hdd',
    'daemonize',
    'pidfile',
    'readconfig',
    'set',
    'sandbox',
    'run-with',
    'runas',
    'chroot',
  ],
];

const ownOption = new RegExp(`^--?(${OWN_OPTIONS.join('|')})$`);

/** The machine's own disk by its path, by its block node, or by its place on the IDE bus. */
const ownDisk = /\/images(\/|"|,|$)|[=:"](d0|d0-file)([",]|$)|if=ide/;

const extraArgument = z
  .string()
  .max(1024)
  .meta({
    ...rules(
      {
        rule: `!${matchesRule(ownOption)}`,
        message: `must not be one of QEMU's options that the agent sets itself (${OWN_OPTIONS.map((option) => `-${option}`).join(' ')}): remove it, and use the fields of spec.machine and spec.display`,
        reason: 'FieldValueForbidden',
      },
      {
        rule: `!${matchesRule(ownDisk)}`,
        message:
          "must not name the machine's own disk (anything below /images, the block node d0, or if=ide): a second writer destroys it. Remove this -drive, -blockdev or -device",
        reason: 'FieldValueForbidden',
      },
    ),
  });

export const machineSchema = z
  .object({
    type: textOf({
      description:
        "QEMU's machine type, with its version. Empty: the newest of the image at the machine's first start, which then stays the machine's, because Windows 98 would find new hardware with another one.",
      max: 64,
      pattern: /^(pc-i440fx-[0-9]+\.[0-9]+)?$/,
      message:
        'must be empty or a machine type with its version, such as pc-i440fx-10.0: "pc" means another machine with each release of QEMU, and only the i440fx has the hardware that Windows 98 knows',
    }).default(''),
    cpu: textOf({
      description: "QEMU's processor model, perhaps with features, such as pentium2 or pentium3,+sse.",
      max: 64,
      pattern: /^[A-Za-z0-9][-A-Za-z0-9._]*(,[-+]?[A-Za-z0-9][-A-Za-z0-9._]*(=[-A-Za-z0-9._]+)?)*$/,
      message: 'must be a processor model of QEMU, such as pentium2 or pentium3,+sse',
    }).default('pentium2'),
    memory: bytes({
      description:
        "The guest's memory. Windows 98 takes 512Mi at most. The container gets this much and what QEMU itself needs.",
      example: '256Mi',
      least: { amount: '16Mi', message: 'must be at least 16Mi: Windows 98 asks for no less' },
      most: { amount: '3Gi', message: "must be at most 3Gi: QEMU's pc machine has no room for more below 4Gi" },
    }).default('512Mi'),
    acceleration: z.enum(['TCG', 'KVM']).default('TCG').meta({
      description:
        "Who executes the guest's instructions. TCG: QEMU, anywhere. KVM: the node's processor, on nodes that have a device plugin for it; unpatched Windows 98 breaks on current processors with it. Where KVM is missing, the machine does not start: it is never replaced by TCG.",
    }),
    kvmResourceName: textOf({
      description:
        'Name of the resource by which the device plugin offers KVM, such as devices.kubevirt.io/kvm. With acceleration KVM only.',
      max: 253,
      pattern: /^([a-z0-9]([-a-z0-9.]*[a-z0-9])?\/[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$/,
      message: 'must be empty or the name of an extended resource with its domain, such as devices.kubevirt.io/kvm',
    }).default(''),
    video: z.enum(['std', 'cirrus', 'vmware']).default('std').meta({
      description:
        'Graphics card. std: VBE, which needs a driver that Windows 98 does not have. cirrus: found by Windows 98 itself, up to 1024x768. vmware: VMware SVGA II, with the driver of VMware Tools.',
    }),
    sound: z.enum(['sb16', 'es1370', 'none']).default('sb16').meta({
      description:
        'Sound card: Sound Blaster 16 (Windows 98 has a driver), Ensoniq AudioPCI, or none. There is no sound at the VNC screen.',
    }),
    nic: z.enum(['ne2k_pci', 'pcnet', 'rtl8139', 'none']).default('ne2k_pci').meta({
      description:
        'Network card: NE2000 or PCnet (Windows 98 has drivers), RTL8139, or none. The guest reaches the network through its pod, and nothing reaches the guest.',
    }),
    timeZone: textOf({
      description:
        "The time zone in which the guest's clock runs, by its IANA name: Windows 98 takes the clock for local time.",
      max: 64,
      pattern: /^[A-Za-z][A-Za-z0-9_+-]*(\/[A-Za-z0-9_+-]+){0,2}$/,
      message: 'must be the IANA name of a time zone, such as UTC or Europe/Zurich',
    }).default('UTC'),
    pointer: z.enum(['PS2', 'USBTablet']).default('PS2').meta({
      description:
        'Pointing device. PS2: a mouse, known to every Windows 98. USBTablet: follows the pointer of the VNC viewer exactly; needs the USB drivers of Windows 98 Second Edition.',
    }),
    extraArgs: z.array(extraArgument).max(64).default([]).meta({
      description:
        "Further arguments for QEMU, one element an argument, behind the agent's own. Options that the agent relies on, and the machine's own disk, are refused. What you add here nobody has tested.",
    }),
  })
  .meta({
    description: "The virtual hardware. Changes take effect when a machine's pod is replaced.",
    ...rules(
      {
        rule: `!self.cpu.matches(${celText(WINDOWS_98_CPU)}) || ${compareQuantity('self.memory', '<=', "'512Mi'")}`,
        message:
          'Windows 98 as it comes fails with more than 512Mi: set machine.memory to 512Mi or less. For another guest, set machine.cpu to a model of its time, such as qemu32 or coreduo',
        fieldPath: '.memory',
      },
      {
        rule: "self.acceleration != 'KVM' || self.?kvmResourceName.orValue('') != ''",
        message:
          'acceleration KVM needs the resource by which a device plugin offers it: set machine.kvmResourceName, for example to devices.kubevirt.io/kvm, or set machine.acceleration to TCG',
        fieldPath: '.kvmResourceName',
        reason: 'FieldValueRequired',
      },
      {
        rule: "self.acceleration == 'KVM' || self.?kvmResourceName.orValue('') == ''",
        message: 'machine.kvmResourceName does nothing without KVM: remove it, or set machine.acceleration to KVM',
        fieldPath: '.kvmResourceName',
        reason: 'FieldValueForbidden',
      },
      {
        rule: "self.acceleration == 'KVM' || !self.cpu.matches('^host(,.*)?$')",
        message:
          'machine.cpu host is the processor of the node, which only KVM has: name a model such as pentium2, or set machine.acceleration to KVM',
        fieldPath: '.cpu',
      },
    ),
  });
