import { openCluster } from '../../scripts/cluster/index.ts';
import { prepareEnvironment } from '../../scripts/e2e-environment.ts';
import { Scenario } from '../../test/e2e/support/scenario.ts';

/** A namespace of its own on a cluster with operator and test guest; both are made where they aren't there. */
export async function openScenario(name: string): Promise<Scenario> {
  process.env.LOCO_CLUSTER ??= 'loco-chaos';
  const environment = await prepareEnvironment(await openCluster(), { restartOperator: false });
  const scenario = new Scenario(name, environment);
  await scenario.open();
  return scenario;
}
