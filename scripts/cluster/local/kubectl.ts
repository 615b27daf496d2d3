import { join } from 'node:path';
import { execa } from 'execa';
import { waitFor } from '../wait.ts';
import type { RunningNode } from './supervise.ts';

/** Runs kubectl as the cluster's administrator. */
export async function kubectl(node: RunningNode<'kubectl'>, args: readonly string[], input?: string) {
  const options = input === undefined ? {} : { input };
  return execa(node.tools.kubectl, [`--kubeconfig=${node.layout.kubeconfig}`, ...args], { ...options, reject: false });
}

const kubeletLog = (node: RunningNode) => `See ${join(node.layout.log, 'kubelet.log')}`;

/** Waits for the node to be Ready. */
export async function waitNodeReady(node: RunningNode): Promise<void> {
  const path = '-o=jsonpath={.status.conditions[?(@.type=="Ready")].status}';
  const ready = async () => {
    const result = await kubectl(node, ['get', 'node', node.layout.name, path]);
    return result.stdout === 'True' ? true : undefined;
  };
  await waitFor('the node to be Ready', ready, { seconds: 90, why: () => kubeletLog(node) });
}

/**
 * Waits until a kubelet that was just started knows the pods that are its. Before that the API server still tells what
 * the one before it reported, and logs and exec fail.
 */
export async function waitKubelet(node: RunningNode): Promise<void> {
  const uids = '-o=jsonpath={.items[*].metadata.uid}';
  const mine = ['get', 'pods', '--all-namespaces', `--field-selector=spec.nodeName=${node.layout.name}`, uids];
  const knows = async () => {
    const known = await kubectl(node, ['get', '--raw', `/api/v1/nodes/${node.layout.name}/proxy/pods`]);
    const expected = await kubectl(node, mine);
    if (known.exitCode !== 0 || expected.exitCode !== 0) return undefined;
    const all = expected.stdout.split(' ').filter(Boolean);
    return all.every((uid) => known.stdout.includes(uid)) ? true : undefined;
  };
  await waitFor('the kubelet to know its pods', knows, { seconds: 60, why: () => kubeletLog(node) });
}
