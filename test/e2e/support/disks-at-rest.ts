import type { Scenario } from './scenario.ts';
import { eventually } from './wait.ts';

/** What is on a test guest's disk while its machine is off. */
export interface DiskAtRest {
  /** The first line of `qemu-img check`. */
  readonly check: string;
  /** The guest's own mark: `clean`, or `running` when it was cut off. */
  readonly state: string;
  /** The mark of its file system: `clean`, `dirty`, or `none` where there is none. */
  readonly files: string;
  /** How the machine was stopped, by the record beside the disk: its kind and message. */
  readonly lastStop: string;
}

const NAME = 'read-disks';

/** Prints four lines for each disk; the places on it are those of test/guest/README.md. qemu-img counts what it skips. */
const READ = `sector() { qemu-img dd -f qcow2 -O raw bs=512 skip=$(($2 * 2048)) count=$(($2 * 2048 + 1)) if=$1 of=/tmp/sector; }
for disk in $DISKS; do
  qemu-img check -f qcow2 $disk 2>&1 | head -n 1
  sector $disk 16 && tr -d '\\0' </tmp/sector | sed 's/.*state=//'
  sector $disk 1984 && if test "$(tail -c +83 /tmp/sector | head -c 5)" != FAT32; then echo none
  elif test $(($(od -An -tu1 -j65 -N1 /tmp/sector) % 2)) = 1; then echo dirty; else echo clean; fi
  node -p 'const { lastStop } = require(process.argv[1]); lastStop.kind + ": " + lastStop.message' \${disk%/*}/.loco/disk.json
done`;

/** Reads the disks on these claims, in their order; the machines that use them must be off. */
export async function readDisks(scenario: Scenario, claims: readonly string[]): Promise<DiskAtRest[]> {
  const { namespace, cluster } = scenario;
  await cluster.apply(podThatReads(scenario, claims));
  await eventually(`pod ${NAME} has ended`, async () => {
    const pod = await cluster.core.readNamespacedPod({ name: NAME, namespace });
    return ['Succeeded', 'Failed'].includes(pod.status?.phase ?? '');
  });
  const lines = (await scenario.log(NAME, 'read')).split('\n');
  await cluster.core.deleteNamespacedPod({ name: NAME, namespace });
  return claims.map((_, index) => {
    const [check = '', state = '', files = '', lastStop = ''] = lines.slice(index * 4);
    return { check, state, files, lastStop };
  });
}

function podThatReads({ namespace, images }: Scenario, claims: readonly string[]) {
  const DISKS = claims.map((claim) => `/disks/${claim}/win98.qcow2`).join(' ');
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: NAME, namespace },
    spec: {
      restartPolicy: 'Never',
      automountServiceAccountToken: false,
      securityContext: {
        runAsNonRoot: true,
        runAsUser: 10001,
        fsGroup: 10001,
        seccompProfile: { type: 'RuntimeDefault' },
      },
      containers: [
        {
          name: 'read',
          image: images.qemu,
          command: ['sh', '-c', READ],
          env: [{ name: 'DISKS', value: DISKS }],
          securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
          volumeMounts: claims.map((claim) => ({ name: claim, mountPath: `/disks/${claim}` })),
        },
      ],
      volumes: claims.map((claim) => ({ name: claim, persistentVolumeClaim: { claimName: claim } })),
    },
  };
}
