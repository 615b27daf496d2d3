import { dirname } from 'node:path';
import type { Emulator } from '../../src/api/emulator/schema.ts';
import type { Cluster } from '../cluster/index.ts';
import type { BootCounts } from './guests.ts';
import { EMULATORS, type EmulatorName, NAMESPACE, podOf } from './machines.ts';

const ORIGIN = { Builtin: 'built into the image', Snapshot: 'pulled from the registry', Imported: 'imported' };

/** What a new pod must have found on its disk, and how that reads. */
function outcome(name: EmulatorName, before: number, after: number): { asPromised: boolean; words: string } {
  if (name === 'ephemeral') {
    return after === 1
      ? { asPromised: true, words: 'began anew, as promised' }
      : { asPromised: false, words: 'should have begun anew' };
  }
  return after === before + 1
    ? { asPromised: true, words: 'its disk survived' }
    : { asPromised: false, words: `should have been at ${before + 1}` };
}

/** Names of the machines whose counters aren't what their storage mode promises. */
export function brokenPromises(before: BootCounts, after: BootCounts): EmulatorName[] {
  return EMULATORS.filter((name) => !outcome(name, before[name], after[name]).asPromised);
}

function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map((row) => `  ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('   ')}`.trimEnd())
    .join('\n');
}

/** What survived the deletion of the pods. */
export function survivalTable(emulators: readonly Emulator[], before: BootCounts, after: BootCounts): string {
  const rows = EMULATORS.map((name) => {
    const status = emulators.find((emulator) => emulator.metadata.name === name)?.status;
    const counts = `${before[name]} -> ${after[name]}`;
    const disk = name === 'ephemeral' ? 'in the pod' : `PVC win98-disk-${podOf(name)}`;
    const origin = status?.diskOrigin;
    const from = origin === undefined || origin === 'Mixed' ? '' : ORIGIN[origin];
    return [name, disk, from, counts, outcome(name, before[name], after[name]).words];
  });
  return table([['machine', 'disk', 'first disk was', 'boot counter', ''], ...rows]);
}

/** How to go on from here, as lines to paste. */
export function lookAround(cluster: Pick<Cluster, 'provider' | 'name' | 'kubeconfig' | 'kubectl'>): string {
  const pod = podOf('persistent');
  const end =
    cluster.provider === 'given'
      ? `kubectl delete namespace ${NAMESPACE}`
      : `${cluster.name === 'loco' ? '' : `LOCO_CLUSTER=${cluster.name} `}npm run cluster -- down`;
  return `Look around (paste these lines):

  export KUBECONFIG=${cluster.kubeconfig} PATH="${dirname(cluster.kubectl)}:$PATH"
  kubectl -n ${NAMESPACE} get emulators,pods,pvc
  kubectl -n ${NAMESPACE} describe emulator hybrid
  kubectl -n ${NAMESPACE} logs ${pod} -c emulator
  kubectl -n ${NAMESPACE} exec ${pod} -c emulator -- loco-agent screenshot > screen.png

Use the machine with any VNC viewer, at 127.0.0.1:5901 with the password that the first line prints:

  kubectl -n ${NAMESPACE} get secret persistent-vnc -o jsonpath='{.data.password}' | base64 -d; echo
  kubectl -n ${NAMESPACE} port-forward pod/${pod} 5901

Everything stays up. \`npm run demo\` again starts the three machines anew on the disks they have;
\`${end}\` ends it all.
`;
}
