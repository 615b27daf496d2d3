import { emulator, type Json, manifestsAt } from '../support/manifest.ts';
import { root } from '../support/root.ts';
import type { RuleCase } from '../support/rule-case.ts';

const values = (path: string, ...list: string[]) => list.map((value) => ({ create: manifestsAt(root, path)(value) }));
const memory = (...list: string[]) => values('spec.machine.memory', ...list);

const machine = (settings: Json) => ({ create: emulator({ storage: { mode: 'Persistent' }, machine: settings }) });
const withArguments = (...extraArgs: string[]) => machine({ extraArgs });

const KVM = { acceleration: 'KVM', kvmResourceName: 'devices.kubevirt.io/kvm' };

const OWN_OPTIONS = [
  ...['-vnc', '-qmp', '-monitor', '-incoming', '-loadvm', '-accel', '--accel', '-enable-kvm', '-machine', '-M', '-m'],
  ...['-hda', '-hdb', '-hdc', '-hdd', '-snapshot', '-S', '-cpu', '-mon', '-readconfig', '-set', '-no-shutdown'],
];

export const machineCases: readonly RuleCase[] = [
  {
    path: 'spec.machine',
    says: 'Windows 98 as it comes fails with more than 512Mi',
    refused: [
      machine({ memory: '513Mi' }),
      machine({ memory: '1Gi', cpu: 'pentium3,+sse' }),
      machine({ memory: '1Gi', cpu: '486-v1' }),
    ],
    allowed: [machine({ memory: '512Mi' }), machine({ memory: '513Mi', cpu: 'qemu32' })],
  },
  {
    path: 'spec.machine',
    says: 'acceleration KVM needs the resource',
    refused: [machine({ acceleration: 'KVM' })],
    allowed: [machine(KVM)],
  },
  {
    path: 'spec.machine',
    says: 'machine.kvmResourceName does nothing without KVM',
    refused: [machine({ kvmResourceName: 'devices.kubevirt.io/kvm' })],
    allowed: [machine({ acceleration: 'TCG', kvmResourceName: '' })],
  },
  {
    path: 'spec.machine',
    says: 'machine.cpu host is the processor of the node',
    refused: [machine({ cpu: 'host' }), machine({ cpu: 'host,-vmx' })],
    allowed: [machine({ cpu: 'host', ...KVM })],
  },
  {
    path: 'spec.machine.type',
    says: 'must be empty or a machine type with its version',
    refused: values('spec.machine.type', 'pc', 'q35', 'pc-q35-10.0', 'pc-i440fx-10', 'pc-i440fx-10.0,usb=on'),
    allowed: values('spec.machine.type', '', 'pc-i440fx-10.0'),
  },
  {
    path: 'spec.machine.cpu',
    says: 'must be a processor model of QEMU',
    refused: values('spec.machine.cpu', '', 'pentium 2', ',+sse', 'pentium2,', 'pentium2;'),
    allowed: values('spec.machine.cpu', '486', 'pentium3,+sse,-fxsr', 'pentium2,family=6'),
  },
  {
    path: 'spec.machine.memory',
    says: 'must be at least 16Mi',
    refused: memory('15Mi', '0', '16383Ki'),
    allowed: memory('16Mi'),
  },
  {
    path: 'spec.machine.memory',
    says: 'must be at most 3Gi',
    refused: [machine({ memory: '3073Mi', cpu: 'qemu32' })],
    allowed: [machine({ memory: '3Gi', cpu: 'qemu32' })],
  },
  {
    path: 'spec.machine.kvmResourceName',
    says: 'must be empty or the name of an extended resource',
    refused: values('spec.machine.kvmResourceName', 'kvm', '/dev/kvm', 'devices.kubevirt.io/', 'A/kvm'),
    allowed: [...values('spec.machine.kvmResourceName', 'devices.kubevirt.io/kvm'), machine({ kvmResourceName: '' })],
  },
  {
    path: 'spec.machine.timeZone',
    says: 'must be the IANA name of a time zone',
    refused: values('spec.machine.timeZone', '', 'Europe/', '/etc/localtime', '../UTC', 'Europe/Zürich', '+01:00'),
    allowed: values('spec.machine.timeZone', 'UTC', 'Europe/Zurich', 'America/Argentina/Buenos_Aires', 'Etc/GMT+1'),
  },
  {
    path: 'spec.machine.extraArgs[]',
    says: "must not be one of QEMU's options that the agent sets itself",
    refused: OWN_OPTIONS.map((option) => withArguments(option, 'value')),
    allowed: [withArguments('-device', 'usb-mouse'), withArguments('-kernel', '-vncx'), withArguments()],
  },
  {
    path: 'spec.machine.extraArgs[]',
    says: "must not name the machine's own disk",
    refused: [
      withArguments('-drive', 'file=/images/win98.qcow2,if=none'),
      withArguments('-blockdev', '{"driver":"file","filename":"/images/win98.qcow2"}'),
      withArguments('-blockdev', '{"driver": "raw", "file": "d0"}'),
      withArguments('-device', 'virtio-blk,drive=d0,share-rw=on'),
      withArguments('-drive', 'file=/tmp/x.img,if=ide,index=0'),
      withArguments('-virtfs', 'local,path=/images,mount_tag=x'),
    ],
    allowed: [
      withArguments('-drive', 'file=/opt/cd.iso,if=none,id=cd', '-device', 'ide-cd,drive=cd,bus=ide.1'),
      withArguments('-drive', 'file=/opt/images2/x.img,if=none,id=d01'),
    ],
  },
];
