import { readFile } from 'node:fs/promises';

/** Number of CAP_SYS_RESOURCE in linux/capability.h. */
const SYS_RESOURCE = 24n;

/** Whether a process with this `/proc/PID/status` can give CAP_SYS_RESOURCE to others. */
export function hasSysResource(status: string): boolean {
  const set = /^CapBnd:\s*([0-9a-f]+)$/m.exec(status)?.[1];
  return set !== undefined && (BigInt(`0x${set}`) & (1n << SYS_RESOURCE)) !== 0n;
}

/** Whether this machine's processes may have CAP_SYS_RESOURCE: in many containers and sandboxes they may not. */
export async function machineHasSysResource(): Promise<boolean> {
  return hasSysResource(await readFile('/proc/self/status', 'utf8'));
}

/**
 * A runtime that leaves CAP_SYS_RESOURCE out of what an engine asks of runc: an engine of this age asks for all that it
 * knows, and runc refuses what the machine hasn't got.
 */
export function runtimeWithoutSysResource(runc: string): string {
  return `#!/bin/sh
before=
for word in "$@"; do
  file=
  case $before in
    --bundle) file=$word/config.json ;;
    --process) file=$word ;;
  esac
  if [ -n "$file" ] && [ -f "$file" ]; then
    sed -i -e 's/"CAP_SYS_RESOURCE",//g' -e 's/,"CAP_SYS_RESOURCE"//g' "$file"
  fi
  before=$word
done
exec ${runc} "$@"
`;
}
