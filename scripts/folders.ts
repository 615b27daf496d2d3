import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The checkout's root folder. */
export const projectFolder = resolve(dirname(fileURLToPath(import.meta.url)), '..');

/** Everything that can be made again from the sources and is worth keeping between runs. */
export const cacheFolder = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'loco-operator');

/** What running things own: cluster state, kubeconfigs, generated keys. */
export const stateFolder = join(process.env.XDG_STATE_HOME || join(homedir(), '.local', 'state'), 'loco-operator');
