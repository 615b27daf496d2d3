import path from 'node:path';
import { removeOnSignal } from '../../scripts/cluster/simulated/index.ts';
import { step } from '../../scripts/console.ts';
import { thisMachine } from '../machine.ts';
import { measureColdStart, removeLease } from './cold-start.ts';
import { profileSummary } from './cpu-profile.ts';
import { createAll, measureCreation, names } from './create.ts';
import { measureFailover } from './failover.ts';
import type { AllFigures, Figures, Who } from './figures.ts';
import { copyFloor } from './floor.ts';
import { type Ground, openGround } from './ground.ts';
import { measureIdle } from './idle.ts';
import { installOurs } from './ours.ts';
import { measureOutage } from './outage.ts';
import { measurePrices } from './prices.ts';
import { installRabbitmq, RABBITMQ_PROGRAMS } from './rabbitmq.ts';
import { measureRestart } from './restart.ts';
import { rowsOf } from './rows.ts';
import { RunningOperator } from './running-operator.ts';
import type { OperatorProgram, Subject } from './subject.ts';
import { tableOf } from './table.ts';

export const OPERATOR_BENCH_PARTS = ['start', 'create', 'idle', 'restart', 'prices', 'outage', 'failover'] as const;
export const OPERATOR_BENCH_PEERS = ['floor', 'rabbitmq'] as const;

export type OperatorBenchPart = (typeof OPERATOR_BENCH_PARTS)[number];
export type OperatorBenchPeer = (typeof OPERATOR_BENCH_PEERS)[number];

export interface OperatorBench {
  readonly sizes: readonly number[];
  /** Who is measured beside ours, each up to this many resources. */
  readonly peers: ReadonlyMap<OperatorBenchPeer, number>;
  readonly parts: readonly OperatorBenchPart[];
  /** Ours runs with the profiler of Node; what it found comes behind the table. */
  readonly cpuProfile: boolean;
  /** Starts, outages and failovers vary: each is done so often, and the median counts. */
  readonly runs: number;
}

/** Idling and restarting are measured with this many resources, or with the most that there are. */
const MANY = 1000;
const CLUSTER = 'bench-operator';

/** A subject that has an operator. */
interface Operated {
  readonly who: Who;
  readonly subject: Subject;
  readonly program: OperatorProgram;
}

/** What was measured so far. */
type Collected = Partial<Record<Who, Figures>>;

const NOTHING: Figures = { coldStarts: [], creations: [], outages: [], failovers: [] };

function add(collected: Collected, who: Who, change: (figures: Figures) => Partial<Figures>): void {
  const before = collected[who] ?? NOTHING;
  collected[who] = { ...before, ...change(before) };
}

async function installOperators(ground: Ground, bench: OperatorBench): Promise<readonly Operated[]> {
  const profile = bench.cpuProfile ? ['--cpu-prof', `--cpu-prof-dir=${profileFolder(ground)}`] : [];
  const subjects: [Who, Subject][] = [['ours', await installOurs(ground, profile)]];
  if (bench.peers.has('rabbitmq')) subjects.push(['peer', await installRabbitmq(ground)]);
  return subjects.flatMap(([who, subject]) =>
    subject.operator === undefined ? [] : [{ who, subject, program: subject.operator }],
  );
}

const profileFolder = ({ folder }: Ground) => path.join(folder, 'profiles');

/** What one process costs that finds few resources, and what happens when it, or the API server, goes away. */
async function measureTroubles(
  ground: Ground,
  bench: OperatorBench,
  { who, subject, program }: Operated,
  to: Collected,
) {
  const { parts, runs } = bench;
  for (let run = 0; parts.includes('start') && run < runs; run += 1) {
    step(`${subject.title}: start ${run + 1}`);
    const start = await measureColdStart(ground, subject, program, `start-${who}-${run}`);
    add(to, who, ({ coldStarts }) => ({ coldStarts: [...coldStarts, start] }));
  }
  if (!parts.includes('outage') && !parts.includes('failover')) return;
  const namespace = `trouble-${who}`;
  const free = [...names(3 * runs)];
  await ground.applyObjects(namespace, []);
  await createAll(
    ground,
    free.flatMap((name) => subject.resource(namespace, name)),
  );
  const take = () => ({ namespace, name: free.shift() ?? '' });
  for (let run = 0; parts.includes('outage') && run < runs; run += 1) {
    step(`${subject.title}: outage ${run + 1}`);
    const outage = await measureOutage(ground, subject, program, take());
    add(to, who, ({ outages }) => ({ outages: [...outages, outage] }));
  }
  for (let run = 0; parts.includes('failover') && run < runs; run += 1) {
    step(`${subject.title}: failover ${run + 1}`);
    const failover = await measureFailover(ground, subject, program, { namespace, names: [take().name, take().name] });
    add(to, who, ({ failovers }) => ({ failovers: [...failovers, failover] }));
  }
}

/** So many resources, and then what it costs to have them. */
async function measureMany(ground: Ground, bench: OperatorBench, size: number, operated: Operated, to: Collected) {
  const { who, subject, program } = operated;
  const { parts } = bench;
  await removeLease(ground, program);
  let operator = await RunningOperator.start(ground, program);
  await ground.applyObjects(`warm-${who}`, []);
  await measureCreation(ground, subject, { namespace: `warm-${who}`, size: 1 }, operator);
  await ground.applyObjects(`many-${who}`, []);
  step(`${subject.title}: ${size} resources`);
  const creation = await measureCreation(ground, subject, { namespace: `many-${who}`, size }, operator);
  step(`${subject.title}: ${size} resources were Ready after ${creation.seconds.toFixed(1)} s`);
  add(to, who, ({ creations }) => ({ creations: [...creations, creation] }));
  const isMany = size === Math.max(...bench.sizes.filter((other) => other <= MANY));
  if (isMany && parts.includes('idle')) {
    step(`${subject.title}: idle with ${size} resources`);
    const idle = await measureIdle(operator);
    add(to, who, () => ({ idle: { ...idle, size } }));
  }
  if (isMany && parts.includes('restart')) {
    step(`${subject.title}: restart with ${size} resources`);
    await operator.stop();
    const measured = await measureRestart(ground, program);
    operator = measured.operator;
    add(to, who, () => ({ restart: { ...measured.restart, size } }));
  }
  await operator.stop();
  if (isMany && who === 'ours' && parts.includes('prices')) {
    step('what single requests cost the API server');
    const prices = await measurePrices(ground, `warm-ours/emulators/${names(1)[0]}`);
    add(to, who, () => ({ prices }));
  }
}

async function measureFloor(ground: Ground, size: number, to: Collected): Promise<void> {
  const [template = ''] = names(1);
  const subject = await copyFloor(ground, 'warm-ours', template);
  await ground.applyObjects('many-floor', []);
  step(`${subject.title}: ${size} resources`);
  const creation = await measureCreation(ground, subject, { namespace: 'many-floor', size });
  step(`${subject.title}: ${size} resources were Ready after ${creation.seconds.toFixed(1)} s`);
  add(to, 'floor', ({ creations }) => ({ creations: [...creations, creation] }));
}

/** Does the work on a cluster of its own, and tells what ours did with the processor meanwhile, where that was asked. */
async function onGround(bench: OperatorBench, work: (ground: Ground, all: readonly Operated[]) => Promise<void>) {
  const ground = await openGround(CLUSTER, RABBITMQ_PROGRAMS);
  try {
    await work(ground, await installOperators(ground, bench));
    return bench.cpuProfile ? `\n\n${await profileSummary(profileFolder(ground))}` : '';
  } finally {
    await ground.close();
  }
}

/** What each of the most frequent requests came to per resource, for who wants to make them fewer. */
function requestList(all: AllFigures): string {
  const lines = Object.entries(all).flatMap(([who, { creations }]) =>
    creations.map(({ size, operator }) => {
      const each = operator?.requests.map(([what, count]) => `${what} ${(count / size).toFixed(2)}`) ?? [];
      return `${who}, ${size}: ${each.length === 0 ? 'no operator' : each.join(', ')}`;
    }),
  );
  return lines.map((line) => `- ${line}`).join('\n');
}

/**
 * Measures operators in turn on the same API server: ours, bare objects, and RabbitMQ's. Each number of resources has a
 * fresh cluster; what is created stays until its end, and nobody's caches have what the others made.
 * @returns Markdown
 */
export async function benchOperator(bench: OperatorBench): Promise<string> {
  removeOnSignal(CLUSTER);
  const machine = await thisMachine('/');
  const collected: Collected = {};
  const profiles: string[] = [];
  const troubles = bench.parts.some((part) => ['start', 'outage', 'failover'].includes(part));
  if (troubles) {
    const work = async (ground: Ground, all: readonly Operated[]) => {
      for (const operated of all) await measureTroubles(ground, bench, operated, collected);
    };
    await onGround({ ...bench, cpuProfile: false }, work);
  }
  for (const size of bench.parts.includes('create') ? bench.sizes : []) {
    const work = async (ground: Ground, all: readonly Operated[]) => {
      for (const operated of all.filter(({ who }) => who === 'ours' || size <= (bench.peers.get('rabbitmq') ?? 0))) {
        await measureMany(ground, bench, size, operated, collected);
        if (operated.who === 'ours' && size <= (bench.peers.get('floor') ?? 0))
          await measureFloor(ground, size, collected);
      }
    };
    profiles.push(await onGround(bench, work));
  }
  const table = tableOf(rowsOf(collected, bench.sizes));
  return `${machine}\n\n${table}\n\nRequests each:\n\n${requestList(collected)}${profiles.join('')}`;
}
