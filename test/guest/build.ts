import { chmod, copyFile, mkdir, open, readdir, readFile, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import { modulesInOrder } from './modules.ts';

const MiB = 1024 * 1024;

/** The disk's layout, in MiB: boot partition, a sector with the guest's state, room to write, and room for files. */
const LAYOUT = {
  bootStart: 1,
  bootSize: 15,
  stateStart: 16,
  stateSize: 1,
  scratchStart: 17,
  filesStart: 1984,
  total: 2048,
} as const;

/** Disk, power button, and the network cards that `machine.nic` offers (a MAC address is read from the driver). */
const MODULES = ['ata_piix', 'sd_mod', 'button', 'evdev', 'ne2k_pci', 'pcnet32', '8139cp'];

/** The file system that disk load is put on: loaded when it is wanted, not at boot. */
const FILE_SYSTEM_MODULES = ['msdos', 'nls_cp437'];

const FIXED_TIME = new Date('2000-01-01T00:00:00Z');

/** What a built guest is made of; `sources` is the folder with `init` and `graphics.c`. */
interface GuestInputs {
  readonly sources: string;
  /** Unpacked kernel and busybox. */
  readonly root: string;
  /** An empty folder to work in. */
  readonly scratch: string;
}

/** The initial RAM disk: busybox, the init script, the graphics program and the modules. */
async function buildInitramfs({ sources, root, scratch }: GuestInputs): Promise<string> {
  const tree = path.join(scratch, 'tree');
  for (const name of ['bin', 'dev', 'proc', 'sys', 'modules', 'files', 'memory']) {
    await mkdir(path.join(tree, name), { recursive: true });
  }
  await copyFile(path.join(root, 'bin/busybox'), path.join(tree, 'bin/busybox'));
  await copyFile(path.join(sources, 'init'), path.join(tree, 'init'));
  await chmod(path.join(tree, 'init'), 0o755);
  const flags = ['-m32', '-Os', '-static', '-nostdlib', '-ffreestanding', '-fno-pic', '-no-pie'];
  const output = path.join(tree, 'bin/video');
  await execa('gcc', [...flags, '-fno-stack-protector', '-s', '-o', output, path.join(sources, 'graphics.c')]);
  await placeModules(root, tree, 'modules.order', MODULES);
  await placeModules(root, tree, 'modules.files', FILE_SYSTEM_MODULES);
  const names = (await readdir(tree, { recursive: true })).sort();
  for (const name of names) {
    await utimes(path.join(tree, name), FIXED_TIME, FIXED_TIME);
  }
  const archive = path.join(scratch, 'initrd.gz');
  const cpio = ['--quiet', '-o', '-H', 'newc', '--reproducible', '-R', '0:0'];
  const packed = await execa('cpio', cpio, { cwd: tree, input: `${names.join('\n')}\n`, encoding: 'buffer' });
  const zipped = await execa('gzip', ['-9n'], { input: packed.stdout, encoding: 'buffer' });
  await writeFile(archive, zipped.stdout);
  return archive;
}

/** Copies the modules and what they need into the tree, and lists them in `list` in the order to load them in. */
async function placeModules(root: string, tree: string, list: string, wanted: readonly string[]): Promise<void> {
  const modules = await modulesInOrder(path.join(root, 'lib/modules'), wanted);
  for (const file of modules) {
    await copyFile(file, path.join(tree, 'modules', path.basename(file)));
  }
  await writeFile(path.join(tree, list), `${modules.map((file) => path.basename(file)).join('\n')}\n`);
}

/**
 * The last words save a third of the boot: self-tests and a bus scan that nobody here waits for. `no_timer_check`: on a
 * machine under load QEMU may be late with the ticks that the kernel counts for a moment, and it would panic.
 */
const SYSLINUX = `DEFAULT guest
PROMPT 0
LABEL guest
  KERNEL vmlinuz
  INITRD initrd.gz
  APPEND quiet loglevel=1 console=ttyS0,115200 console=tty1 vt.global_cursor_default=0 nomodeset mitigations=off tsc=unstable no_timer_check cryptomgr.notests noisapnp
`;

/** A FAT file system with the boot loader, the kernel and the initial RAM disk; made without mounting anything. */
async function buildBootPartition({ root, scratch }: GuestInputs, initrd: string): Promise<string> {
  const image = path.join(scratch, 'boot.img');
  const handle = await open(image, 'w');
  await handle.truncate(LAYOUT.bootSize * MiB);
  await handle.close();
  const hidden = String((LAYOUT.bootStart * MiB) / 512);
  await execa('mkfs.fat', ['-F', '16', '-i', '10c00001', '-h', hidden, '-n', 'LOCOGUEST', '--invariant', image]);
  const [kernel] = (await readdir(path.join(root, 'boot'))).filter((name) => name.startsWith('vmlinuz-'));
  const configuration = path.join(scratch, 'syslinux.cfg');
  await writeFile(configuration, SYSLINUX);
  const files = [
    { from: path.join(root, 'boot', kernel ?? 'vmlinuz'), to: 'vmlinuz' },
    { from: initrd, to: 'initrd.gz' },
    { from: configuration, to: 'syslinux.cfg' },
  ];
  for (const { from, to } of files) {
    await utimes(from, FIXED_TIME, FIXED_TIME);
    await execa('mcopy', ['-m', '-i', image, from, `::${to}`]);
  }
  await execa('syslinux', ['--install', image]);
  return image;
}

/** Copies `length` bytes at most of a file into an open one at `position`. */
async function place(disk: Awaited<ReturnType<typeof open>>, file: string, position: number, length?: number) {
  const content = await readFile(file);
  await disk.write(content, 0, Math.min(length ?? content.length, content.length), position);
}

/**
 * Builds the test guest's disk as a qcow2 of 2 GiB virtual size, of which some 10 MB are in use.
 * @returns the path of the finished file in `inputs.scratch`
 */
export async function buildGuestDisk(inputs: GuestInputs): Promise<string> {
  const boot = await buildBootPartition(inputs, await buildInitramfs(inputs));
  const raw = path.join(inputs.scratch, 'disk.raw');
  const disk = await open(raw, 'w+');
  await disk.truncate(LAYOUT.total * MiB);
  const table = [
    'label: dos',
    'label-id: 0x10c010c0',
    `start=${LAYOUT.bootStart}MiB, size=${LAYOUT.bootSize}MiB, type=e, bootable`,
    `start=${LAYOUT.stateStart}MiB, size=${LAYOUT.stateSize}MiB, type=da`,
    `start=${LAYOUT.scratchStart}MiB, size=${LAYOUT.filesStart - LAYOUT.scratchStart}MiB, type=da`,
    `start=${LAYOUT.filesStart}MiB, type=c`,
  ];
  await execa('sfdisk', ['--quiet', raw], { input: `${table.join('\n')}\n` });
  // The first 440 bytes of the master boot record are code, the partition table follows.
  await place(disk, '/usr/lib/syslinux/mbr/mbr.bin', 0, 440);
  await place(disk, boot, LAYOUT.bootStart * MiB);
  await disk.write('LOCO-GUEST-STATE boot=0 state=clean\n', LAYOUT.stateStart * MiB);
  await disk.close();
  const finished = path.join(inputs.scratch, 'win98-test.qcow2');
  await execa('qemu-img', ['convert', '-f', 'raw', '-O', 'qcow2', raw, finished]);
  return finished;
}
