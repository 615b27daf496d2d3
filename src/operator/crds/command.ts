import { parseArgs } from 'node:util';
import type { Logger } from 'pino';
import { KubeClient } from '../../kube/client.ts';
import { systemClock } from '../../kube/clock.ts';
import { openConnection } from '../../kube/connection.ts';
import { ApiError, errorMessage, isRefusal } from '../../kube/errors.ts';
import { VERSION } from '../version.ts';
import { applyDefinitions, type Outcome } from './apply-definitions.ts';
import { readDefinitions } from './definition.ts';

/** The program's name in the arguments of the operator's image. */
export const APPLY_CRDS = 'apply-crds';

/** Ends of the program: the chart's Job tries again after 1, and not after 2. */
const EXIT = { done: 0, tryAgain: 1, refused: 2 } as const;

/**
 * `apply-crds FOLDER [--allow-removed-fields]`: makes the cluster's CustomResourceDefinitions those in a folder.
 * Resolves with the exit code.
 */
export async function runApplyCrds(
  args: readonly string[],
  kubeconfig: string | undefined,
  log: Logger,
): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    options: { 'allow-removed-fields': { type: 'boolean', default: false } },
    allowPositionals: true,
  });
  const [folder, ...others] = positionals;
  if (folder === undefined || others.length > 0) {
    log.error(`usage: ${APPLY_CRDS} FOLDER [--allow-removed-fields]`);
    return EXIT.refused;
  }
  try {
    const wanted = await readDefinitions(folder);
    const connection = await openConnection(systemClock, kubeconfig);
    const client = new KubeClient(connection, { userAgent: `loco-operator/${VERSION} (${APPLY_CRDS})` });
    const allowRemovedFields = values['allow-removed-fields'];
    const result = await applyDefinitions({ client, clock: systemClock, allowRemovedFields }, wanted);
    log[result.outcome === 'Applied' ? 'info' : 'error']({ reason: result.outcome }, result.message);
    return exitCode(result);
  } catch (error) {
    log.error(errorMessage(error));
    return isFinal(error) ? EXIT.refused : EXIT.tryAgain;
  }
}

/** The same again would be refused again. Not a missing right: those of a role made just now may not count yet. */
function isFinal(error: unknown): boolean {
  return isRefusal(error) && !(error instanceof ApiError && error.code === 403);
}

function exitCode({ outcome }: Outcome): number {
  if (outcome === 'Applied') return EXIT.done;
  return outcome === 'FieldsRemoved' ? EXIT.refused : EXIT.tryAgain;
}
