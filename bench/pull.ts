import { rm } from 'node:fs/promises';
import path from 'node:path';
import type { TestRegistry } from '../test/oci/registry.ts';
import type { BenchedAgent, RegistrySource } from './agent.ts';
import { settled } from './builtin.ts';
import { costsOf } from './costs.ts';
import { measure } from './measured-process.ts';
import { type Comparison, inTurn } from './pairs.ts';

export interface PullBench {
  readonly agent: BenchedAgent;
  /** Without a login; on this machine, so that its work is part of everybody's seconds. */
  readonly registry: TestRegistry;
  /** On the volume that is measured. */
  readonly folder: string;
  /** A qcow2 file. */
  readonly disk: string;
  readonly mebibytes: number;
  readonly pairs: number;
}

/**
 * The whole preparation from a registry: of a file that `oras push` sent against `oras pull`, and of our own artifact
 * against `oras cp` of the same into a folder. What oras fetched is then made durable, as a machine's disk is.
 */
export async function benchPull(bench: PullBench): Promise<readonly Comparison[]> {
  const { agent, registry, disk } = bench;
  const tag = `${bench.mebibytes}`;
  const titled = { registry: registry.plain, repository: 'titled', tag };
  await registry.pushFile(`titled:${tag}`, disk);
  const chunked = { registry: registry.plain, repository: 'chunked', tag };
  await agent.publish(disk, chunked);
  return [
    ...(await against(bench, 'titled artifact', 'oras pull', titled, (reference, target) => [
      ...['pull', '--plain-http', '--no-tty', '--output', target, reference],
    ])),
    ...(await against(bench, 'our artifact', 'oras cp', chunked, (reference, target) => [
      ...['cp', '--from-plain-http', '--no-tty', reference, '--to-oci-layout', `${target}:disk`],
    ])),
  ];
}

async function against(
  { agent, folder, mebibytes, pairs }: PullBench,
  what: string,
  peer: string,
  source: RegistrySource,
  commandOf: (reference: string, target: string) => readonly string[],
): Promise<readonly Comparison[]> {
  const target = path.join(folder, 'fetched');
  const command = commandOf(`${source.registry}/${source.repository}:${source.tag}`, target);
  const prepare = async () => {
    await settled();
    return agent.fromRegistry(source);
  };
  const fetch = async () => {
    await settled();
    const fetched = await measure([agent.oras, ...command], { folder });
    const synced = await measure(['sync', '--file-system', target], { folder });
    await rm(target, { recursive: true });
    return { fetched: fetched.seconds, durable: fetched.seconds + synced.seconds };
  };
  const { ours, theirs } = await inTurn(pairs, prepare, fetch);
  const costs = { what, mebibytes, ...costsOf(ours) };
  return [
    { ...costs, peer, theirs: theirs.map(({ fetched }) => fetched) },
    { ...costs, peer: `${peer} + sync`, theirs: theirs.map(({ durable }) => durable) },
  ];
}
