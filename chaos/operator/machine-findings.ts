import { isDeepStrictEqual } from 'node:util';
import type { Emulator, MachineStatus } from '../../src/api/emulator/schema.ts';
import type { AgentReport } from '../../src/contract/agent-report.ts';
import type { PodObject } from '../../src/operator/emulator/cluster-object.ts';

/** Pods are those that are wanted, and the status says of each machine what its own agent says. */
export function machineFindings(
  { metadata, spec, status }: Emulator,
  pods: readonly PodObject[],
  reports: ReadonlyMap<string, AgentReport>,
): string[] {
  const wanted = spec.powerState === 'Stopped' ? 0 : spec.replicas;
  const names = (count: number): string[] => Array.from({ length: count }, (_, index) => `${metadata.name}-${index}`);
  const actual = pods.map((pod) => pod.metadata.name).sort();
  const machines = status?.machines ?? [];
  const ready = machines.filter((machine) => machine.ready).length;
  return [
    ...(isDeepStrictEqual(actual, names(wanted).sort()) ? [] : [`its pods are ${actual.join(', ') || 'none'}`]),
    ...pods.flatMap((pod) => podFindings(pod, machines, reports)),
    ...unlike('machines in the status', machines.map(({ pod }) => pod).join(), names(spec.replicas).join()),
    ...unlike('status.replicas', status?.replicas, pods.length),
    ...unlike('status.readyReplicas', status?.readyReplicas, ready),
    ...unlike('ready machines', ready, wanted),
  ];
}

function podFindings(
  { metadata }: PodObject,
  machines: readonly MachineStatus[],
  reports: ReadonlyMap<string, AgentReport>,
): string[] {
  const report = reports.get(metadata.uid ?? '');
  const machine = machines.find(({ pod }) => pod === metadata.name);
  if (metadata.deletionTimestamp !== undefined) return [`${metadata.name} is being deleted`];
  if (report === undefined) return [`the agent of ${metadata.name} doesn't answer`];
  if (machine === undefined) return [`the status doesn't know ${metadata.name}`];
  return [
    ...unlike(`${metadata.name}: phase`, machine.phase, report.phase),
    ...unlike(`${metadata.name}: ready`, machine.ready, report.ready),
    ...unlike(`${metadata.name}: disk.id`, machine.disk?.id, report.disk?.id),
    ...unlike(`${metadata.name}: disk.digest`, machine.disk?.digest, report.disk?.digest),
    ...unlike(`${metadata.name}: disk.origin`, machine.disk?.origin, report.disk?.origin),
    ...unlike(`${metadata.name}: disk.preparedAt`, machine.disk?.preparedAt, report.disk?.preparedAt),
    ...unlike(`${metadata.name}: disk.confirmed`, machine.disk?.confirmed, true),
  ];
}

function unlike(what: string, actual: unknown, wanted: unknown): string[] {
  return actual === wanted ? [] : [`${what}: ${String(actual)} instead of ${String(wanted)}`];
}
