import type { Scenario } from './scenario.ts';
import { eventually } from './wait.ts';

/**
 * Runs a shell script on a claim's volume at /images, in a pod of its own, as somebody with a debugging pod would; its
 * output. The machine whose disk lies there must be stopped, unless that is the point.
 */
export async function onVolume(scenario: Scenario, claim: string, script: string): Promise<string> {
  const pod = `on-${claim}`;
  await scenario.cluster.apply(volumePod(scenario, pod, claim, ['sh', '-ec', script]));
  try {
    await eventually(
      `the script on ${claim} has run`,
      async () => {
        const found = await scenario.cluster.core.readNamespacedPod({ name: pod, namespace: scenario.namespace });
        if (found.status?.phase === 'Failed') throw new Error('it failed');
        return found.status?.phase === 'Succeeded';
      },
      180_000,
      async () => scenario.log(pod, 'script').catch(() => 'no log'),
    );
    return await scenario.log(pod, 'script');
  } finally {
    await removePod(scenario, pod);
  }
}

/** A pod with a claim at /images and the machines' image, that runs `command`, and needs no right that a machine has not. */
export function volumePod({ namespace, images }: Scenario, name: string, claim: string, command: readonly string[]) {
  const ids = { runAsNonRoot: true, runAsUser: 10001, runAsGroup: 10001, fsGroup: 10001 };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace },
    spec: {
      restartPolicy: 'Never',
      terminationGracePeriodSeconds: 1,
      automountServiceAccountToken: false,
      securityContext: { ...ids, fsGroupChangePolicy: 'OnRootMismatch', seccompProfile: { type: 'RuntimeDefault' } },
      containers: [
        {
          name: 'script',
          image: images.qemuBuiltin,
          imagePullPolicy: 'IfNotPresent',
          command: [...command],
          securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
          volumeMounts: [{ name: 'images', mountPath: '/images' }],
        },
      ],
      volumes: [{ name: 'images', persistentVolumeClaim: { claimName: claim } }],
    },
  };
}

/** Deletes a pod and waits until it is gone. */
export async function removePod(scenario: Scenario, pod: string): Promise<void> {
  await scenario.cluster.kubectl([
    '-n',
    scenario.namespace,
    'delete',
    'pod',
    pod,
    '--ignore-not-found',
    '--wait',
    '--timeout=180s',
  ]);
}
