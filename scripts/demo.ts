import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type Cluster, openCluster } from './cluster/index.ts';
import { runCommand, step, UserError } from './console.ts';
import { diagnosis } from './demo/diagnosis.ts';
import { type FormerPods, followUntilUp } from './demo/follow.ts';
import { readBootCounts, takeScreenshots } from './demo/guests.ts';
import { EMULATORS, type EmulatorName, emulators, NAMESPACE, PURPOSE, podOf } from './demo/machines.ts';
import { brokenPromises, lookAround, survivalTable } from './demo/report.ts';
import { registryAccess, SNAPSHOT } from './demo/snapshot.ts';
import { DemoView } from './demo/view.ts';
import { stateFolder } from './folders.ts';
import type { Images } from './images/index.ts';
import { installWithTestGuest } from './install.ts';
import { pushSnapshot } from './push-snapshot.ts';

const help = `usage: npm run demo

Brings up a Kubernetes cluster, builds the images, installs the operator with Helm and boots three machines, one for
each storage mode. Then it deletes their pods and shows which disks survived. The guest is the small test guest: it
counts its boots on its disk.

Everything stays up afterwards; the last lines say how to look around and how to end it.

  LOCO_KUBECONFIG=FILE   use this cluster instead of making one
`;

/** A cold two-core machine boots three guests at once in less. */
const BOOT_LIMIT_MS = 240_000;

const started = performance.now();

function seconds(): string {
  return `${Math.round((performance.now() - started) / 1000)} s`;
}

/** Ends the machines of an earlier run, whose PVCs stay, and waits until their pods are gone. */
async function endEarlierMachines(view: DemoView): Promise<void> {
  const pods = await view.pods();
  if (pods.length === 0 && (await view.emulators()).length === 0) return;
  step('Ending the machines of the last run (their PVCs stay)');
  await view.remove('emulator', EMULATORS);
  const deadline = performance.now() + 120_000;
  while ((await view.pods()).length > 0) {
    if (performance.now() > deadline) throw new UserError(`pods won't go:\n${await view.kubectl('get', 'pods')}`);
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

async function startMachines(view: DemoView, cluster: Cluster, images: Images, disk: string): Promise<void> {
  const { registry } = cluster;
  let snapshot: string | undefined;
  if (registry === undefined) {
    step('This cluster brings no registry: the hybrid machine takes the disk built into its image instead');
  } else {
    step('Pushing a snapshot of the guest to the registry, for the hybrid machine');
    await pushSnapshot(cluster.oras, registry, disk, SNAPSHOT);
    snapshot = `${registry.hostname}/${SNAPSHOT}`;
    await view.apply(...(await registryAccess(registry)));
  }
  step('Applying three Emulators');
  for (const name of EMULATORS) step(`  ${name.padEnd(11)} ${PURPOSE[name]}`);
  await view.apply(...emulators(images, snapshot));
}

async function waitForMachines(view: DemoView, former: FormerPods): Promise<void> {
  const missing = await followUntilUp(view, former, BOOT_LIMIT_MS);
  if (missing.length === 0) return;
  throw new UserError(
    `${missing.join(' and ')} did not come up within ${BOOT_LIMIT_MS / 1000} s.\n${await diagnosis(view, missing)}`,
  );
}

async function deletePods(view: DemoView): Promise<FormerPods> {
  step(`Deleting the three pods: kubectl -n ${NAMESPACE} delete pod ${EMULATORS.map(podOf).join(' ')}`);
  const pods = await view.pods();
  const former = new Map<EmulatorName, string>();
  for (const name of EMULATORS) {
    const uid = pods.find((pod) => pod.metadata?.name === podOf(name))?.metadata?.uid;
    if (uid !== undefined) former.set(name, uid);
  }
  await view.remove('pod', EMULATORS.map(podOf));
  return former;
}

async function demo(): Promise<void> {
  const cluster = await openCluster();
  const { images, guestDisk } = await installWithTestGuest(cluster);
  const view = new DemoView(cluster);
  await view.apply({
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: NAMESPACE, labels: { 'pod-security.kubernetes.io/enforce': 'restricted' } },
  });
  await endEarlierMachines(view);
  await startMachines(view, cluster, images, guestDisk);
  await waitForMachines(view, new Map());
  const before = await readBootCounts(view, BOOT_LIMIT_MS);
  const booted = seconds();
  step(`Three guests have booted, ${booted} after the start`);
  const screenshots = join(stateFolder, 'demo');
  await rm(screenshots, { recursive: true, force: true });
  await takeScreenshots(view, screenshots, before);

  await waitForMachines(view, await deletePods(view));
  const after = await readBootCounts(view, BOOT_LIMIT_MS);
  await takeScreenshots(view, screenshots, after);
  const broken = brokenPromises(before, after);
  process.stdout.write(`
What survived the deletion of the pods (each guest counts its boots on its own disk):

${survivalTable(await view.emulators(), before, after)}

Three guests booted after ${booted}, all of it took ${seconds()}. Screenshots: ${screenshots}

${lookAround(cluster)}`);
  if (broken.length > 0) throw new UserError(`not as promised: ${broken.join(', ')}`);
}

process.once('SIGINT', () => {
  process.stderr.write(
    '\nInterrupted. What is up stays up: `npm run demo` goes on from there, `npm run cluster -- down` ends it.\n',
  );
  process.exit(130);
});

await runCommand(async () => {
  const { values } = parseArgs({ options: { help: { type: 'boolean', short: 'h' } } });
  if (values.help) process.stdout.write(help);
  else await demo();
});
