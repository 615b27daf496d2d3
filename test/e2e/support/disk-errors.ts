import type { Scenario } from './scenario.ts';
import { eventually } from './wait.ts';

/** What qemu-img says of the disks on these claims; the machines that use them must be off. */
export async function checkDisks(scenario: Scenario, claims: readonly string[]): Promise<string[]> {
  const name = 'check-disks';
  const check = 'for disk in /disks/*/win98.qcow2; do qemu-img check -f qcow2 $disk 2>&1 | head -1; done';
  await scenario.cluster.apply({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: scenario.namespace },
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
          name: 'check',
          image: scenario.images.qemu,
          command: ['sh', '-c', check],
          securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
          volumeMounts: claims.map((claim) => ({ name: claim, mountPath: `/disks/${claim}` })),
        },
      ],
      volumes: claims.map((claim) => ({ name: claim, persistentVolumeClaim: { claimName: claim } })),
    },
  });
  await eventually(`pod ${name} has ended`, async () => {
    const pod = await scenario.cluster.core.readNamespacedPod({ name, namespace: scenario.namespace });
    return ['Succeeded', 'Failed'].includes(pod.status?.phase ?? '');
  });
  const said = (await scenario.log(name, 'check')).trim().split('\n');
  await scenario.cluster.core.deleteNamespacedPod({ name, namespace: scenario.namespace });
  return said;
}
