import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type Logger, pino } from 'pino';
import { z } from 'zod';
import { type MachineSettings, machineSettingsSchema } from '../contract/machine-settings.ts';
import { ENVIRONMENT, PATHS } from '../contract/pod.ts';
import { failed, type Result, success } from './failure.ts';

/** Who this machine is and what it is made of, as its pod says. */
export interface AgentEnvironment {
  readonly podName: string;
  readonly podNamespace: string;
  readonly podUid: string;
  readonly emulatorName: string;
  /** The number behind the last `-` of the pod's name. */
  readonly ordinal: number;
  readonly machine: MachineSettings;
}

/** Every file and folder that the agent touches by name. */
export interface AgentPaths {
  readonly images: string;
  readonly disk: string;
  readonly plan: string;
  readonly agentToken: string;
  readonly vncPassword: string;
  readonly registryConfig: string;
  readonly registryCA: string;
  readonly run: string;
  /** Where Kubernetes looks for the last words of a container. */
  readonly terminationLog: string;
}

/** Time, as an argument. */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
  /** Milliseconds since some moment, for durations: nobody sets this clock forward or back. */
  elapsed(): number;
  /** Ends after `milliseconds`, or at once and without an error when `signal` aborts. */
  sleep(milliseconds: number, signal?: AbortSignal): Promise<void>;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  elapsed: () => performance.now(),
  sleep: async (milliseconds, signal) => {
    try {
      await delay(milliseconds, undefined, signal === undefined ? {} : { signal });
    } catch (error) {
      if (!(error instanceof Error && error.name === 'AbortError')) {
        throw error;
      }
    }
  },
};

/** Ends when `signal` aborts; never when `unless` aborts first. */
export function untilAborted(signal: AbortSignal, unless: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) {
      resolve();
    } else {
      signal.addEventListener('abort', () => resolve(), { once: true, signal: unless });
    }
  });
}

/** What the promise gives, or undefined after `milliseconds`; the promise then goes on unheard. */
export async function untilDone<T>(promise: Promise<T>, milliseconds: number, clock: Clock): Promise<T | undefined> {
  const done = new AbortController();
  try {
    const timeout = clock.sleep(Math.max(milliseconds, 0), done.signal).then(() => undefined);
    return await Promise.race([promise, timeout]);
  } finally {
    done.abort();
  }
}

/**
 * The paths of the contract below `root`; tests give a folder of their own.
 * @param variables `DISK` puts the disk elsewhere, for a container that runs alone
 */
export function agentPaths(root = '/', variables: Readonly<Record<string, string | undefined>> = {}): AgentPaths {
  const below = (name: string) => path.join(root, name);
  return {
    images: below(PATHS.images),
    disk: variables['DISK'] || below(PATHS.disk),
    plan: below(PATHS.plan),
    agentToken: below(PATHS.agentToken),
    vncPassword: below(PATHS.vncPassword),
    registryConfig: below(PATHS.registryConfig),
    registryCA: below(PATHS.registryCA),
    run: below(PATHS.run),
    terminationLog: below('/dev/termination-log'),
  };
}

const variablesSchema = z.object({
  [ENVIRONMENT.podName]: z.string().regex(/-\d+$/, 'must end in -<ordinal>'),
  [ENVIRONMENT.podNamespace]: z.string().min(1),
  [ENVIRONMENT.podUid]: z.string().min(1),
  [ENVIRONMENT.emulatorName]: z.string().min(1),
  [ENVIRONMENT.machine]: z
    .string()
    .transform((text, context): unknown => {
      try {
        return JSON.parse(text);
      } catch {
        context.addIssue({ code: 'custom', message: 'is not JSON' });
        return z.NEVER;
      }
    })
    .pipe(machineSettingsSchema),
});

/** The machine of an image that runs alone (`docker run`): the defaults of the Emulator kind. */
const STANDALONE: AgentEnvironment = {
  podName: 'win98-0',
  podNamespace: 'standalone',
  podUid: 'standalone',
  emulatorName: 'win98',
  ordinal: 0,
  machine: {
    type: '',
    cpu: 'pentium2',
    memoryMiB: 512,
    acceleration: 'TCG',
    video: 'std',
    sound: 'sb16',
    nic: 'ne2k_pci',
    timeZone: 'UTC',
    pointer: 'PS2',
    extraArgs: [],
    gracePeriodSeconds: 90,
    onGuestPowerOff: 'Restart',
    readinessScreen: 'Graphics',
    diskCache: 'Durable',
  },
};

/** Whether the image runs without Kubernetes, which sets this variable in every container. */
export function runsAlone(variables: Readonly<Record<string, string | undefined>>): boolean {
  return variables['KUBERNETES_SERVICE_HOST'] === undefined;
}

/**
 * Reads the variables of the contract; where none of them is set the image runs alone, with the defaults. Fails with
 * `EnvironmentInvalid`, naming each variable that is wrong.
 */
export function readEnvironment(variables: Readonly<Record<string, string | undefined>>): Result<AgentEnvironment> {
  if (Object.values(ENVIRONMENT).every((name) => variables[name] === undefined)) {
    return success(STANDALONE);
  }
  const parsed = variablesSchema.safeParse(variables);
  if (!parsed.success) {
    const wrong = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('; ');
    return failed('EnvironmentInvalid', `The pod's environment can't be used (${wrong}). It is set by the operator.`);
  }
  const { data } = parsed;
  return success({
    podName: data[ENVIRONMENT.podName],
    podNamespace: data[ENVIRONMENT.podNamespace],
    podUid: data[ENVIRONMENT.podUid],
    emulatorName: data[ENVIRONMENT.emulatorName],
    ordinal: Number(/\d+$/.exec(data[ENVIRONMENT.podName])?.[0]),
    machine: data[ENVIRONMENT.machine],
  });
}

/** JSON lines on standard output, one for each thing that happened, with the machine's name in it. */
export function createLogger(environment: Pick<AgentEnvironment, 'podName'>): Logger {
  return pino({
    base: { machine: environment.podName },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
  });
}
