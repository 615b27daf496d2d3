import { type VolumeFiles, volumeFiles } from '../../src/agent/disk/volume-files.ts';

/** A volume under a process that is killed after so many steps: from then on nothing of what it does happens. */
export class KilledFiles {
  steps = 0;
  readonly #killAfter: number;
  readonly #die: () => void;

  constructor(killAfter: number, die: () => void) {
    this.#killAfter = killAfter;
    this.#die = die;
  }

  readonly files: VolumeFiles = new Proxy(volumeFiles, {
    get: (target, name: keyof VolumeFiles) => {
      const act = target[name] as (...args: unknown[]) => Promise<unknown>;
      return async (...args: unknown[]) => {
        if (this.steps >= this.#killAfter) throw new Error('killed');
        const result = await act(...args);
        this.steps += 1;
        if (this.steps === this.#killAfter) this.#die();
        return result;
      };
    },
  });
}
