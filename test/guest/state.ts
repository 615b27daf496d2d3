import { execa } from 'execa';

/** What the guest keeps in a sector of its own, 16 MiB into its disk. */
interface GuestState {
  /** How often it has booted. */
  readonly boot: number;
  /** `running` also stands there when it was killed. */
  readonly state: 'clean' | 'running';
}

/**
 * Reads the guest's state off its disk without booting it; a disk in use is read as it lies there.
 * @throws Error when the disk isn't the test guest's
 */
export async function readGuestState(disk: string): Promise<GuestState> {
  const dump = await execa('qemu-io', ['-U', '-r', '-f', 'qcow2', '-c', 'read -v 16M 512', disk]);
  const bytes = [...dump.stdout.matchAll(/^[0-9a-f]{8}: {2}((?:[0-9a-f]{2} ){16})/gm)].map((line) => line[1] ?? '');
  const text = Buffer.from(bytes.join('').replaceAll(' ', ''), 'hex').toString('latin1');
  const match = /^LOCO-GUEST-STATE boot=(\d+) state=(clean|running)\n/.exec(text);
  if (match === null) {
    throw new Error(`${disk} has no state of the test guest at 16 MiB`);
  }
  return { boot: Number(match[1]), state: match[2] === 'clean' ? 'clean' : 'running' };
}
