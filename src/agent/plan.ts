import { readFile } from 'node:fs/promises';
import { type DiskPlan, diskPlanSchema } from '../contract/disk-plan.ts';
import { runsAlone } from './environment.ts';
import { failed, messageOf, type Result, success } from './failure.ts';

export type Variables = Readonly<Record<string, string | undefined>>;

const DEFAULT_BUILTIN_PATH = '/opt/builtin-images/win98.qcow2.builtin';

/**
 * What the disk is made from: the plan that the operator mounts, or, where there is none because the image runs alone
 * (`docker run`), one made from the environment. In a pod a missing plan is a failure (`PlanUnreadable`), not guessed.
 */
export async function readPlan(path: string, variables: Variables): Promise<Result<DiskPlan>> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    const isMissing = error instanceof Error && 'code' in error && error.code === 'ENOENT';
    if (isMissing && runsAlone(variables)) return planFromVariables(variables);
    return failed('PlanUnreadable', `The plan at ${path} can't be read: ${messageOf(error)}. The operator mounts it.`);
  }
  return parsePlan(text);
}

/** Judges the text of a plan. */
export function parsePlan(text: string): Result<DiskPlan> {
  try {
    const parsed = diskPlanSchema.safeParse(JSON.parse(text));
    if (parsed.success) return success(parsed.data);
    const issue = parsed.error.issues[0];
    return failed(
      'PlanInvalid',
      `The plan of the operator can't be used (${issue?.path.join('.')}: ${issue?.message}). Use an image and an operator of the same release.`,
    );
  } catch (error) {
    return failed('PlanInvalid', `The plan of the operator is not JSON: ${messageOf(error)}.`);
  }
}

/**
 * `USE_PREBUILT_SNAPSHOT` (true or false), `SNAPSHOT_REGISTRY` (registry/repository), `SNAPSHOT_TAG`,
 * `SNAPSHOT_PLAIN_HTTP` and `BUILTIN_IMAGE`. The volume may be a kept one, so a disk on it always wins.
 */
export function planFromVariables(variables: Variables): Result<DiskPlan> {
  const builtinPath = variables['BUILTIN_IMAGE'] || DEFAULT_BUILTIN_PATH;
  if (variables['USE_PREBUILT_SNAPSHOT'] !== 'true') {
    return success({ schemaVersion: 1, mode: 'Persistent', source: 'Auto', builtinPath, onCorruption: 'Fail' });
  }
  const repository = variables['SNAPSHOT_REGISTRY'] ?? '';
  const tag = variables['SNAPSHOT_TAG'] ?? '';
  if (repository === '' || tag === '') {
    return failed(
      'EnvironmentInvalid',
      'USE_PREBUILT_SNAPSHOT is true: set SNAPSHOT_REGISTRY (registry/repository) and SNAPSHOT_TAG too.',
    );
  }
  return success({
    schemaVersion: 1,
    mode: 'Hybrid',
    source: 'Auto',
    builtinPath,
    onCorruption: 'Fail',
    snapshot: { reference: `${repository}:${tag}`, plainHTTP: variables['SNAPSHOT_PLAIN_HTTP'] === 'true' },
  });
}
