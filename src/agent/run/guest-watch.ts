import { readFile, rm } from 'node:fs/promises';
import type { Logger } from 'pino';
import { z } from 'zod';
import type { Clock } from '../environment.ts';
import { messageOf } from '../failure.ts';
import type { DiskError, Facts } from './probes.ts';
import type { Qemu } from './qemu-process.ts';
import type { QmpClient, QmpEvent } from './qmp.ts';
import { AccessRepeater } from './repeat-access.ts';
import { answersRfb } from './rfb.ts';
import { classifyScreen, readPicture, type Screen, TEXT_MEMORY_COMMAND, textLines } from './screen.ts';
import type { VolumeWatch } from './volume-look.ts';

const statusSchema = z.object({ status: z.string() });
const blockStatsSchema = z.array(z.object({ stats: z.object({ rd_bytes: z.int() }) }));
const ioErrorSchema = z.object({ operation: z.string(), nospace: z.boolean().default(false), action: z.string() });
const reasonSchema = z.object({ reason: z.string() });

const NEWS: ReadonlySet<string> = new Set(['STOP', 'RESUME', 'RESET', 'SHUTDOWN', 'BLOCK_IO_ERROR']);

const RFB_TIMEOUT_MILLISECONDS = 3000;

/** A guest that runs this long after it was paused by an error isn't paused by the same one again. */
const SETTLE_MILLISECONDS = 2000;

/** SeaBIOS resets a machine that was reset under a running system a second time, within milliseconds. */
const REBOOT_MILLISECONDS = 2000;

/** QEMU's reasons for an end that isn't the guest's: our own `quit`, or a signal to QEMU, which then exits. */
const ENDS_OF_QEMU: ReadonlySet<string> = new Set(['host-qmp-quit', 'host-signal', 'host-error', 'host-ui']);

/** What {@link GuestWatch.off} says of a guest whose screen says that it is safe to switch off. */
export const SAFE_TO_POWER_OFF = 'safe-to-power-off';

export interface GuestWatchOptions {
  readonly qemu: Pick<Qemu, 'qmp'>;
  readonly vncPort: number;
  /** Where QEMU may write a picture for a moment. */
  readonly screendumpFile: string;
  /** Where QEMU may make a socket for a moment. */
  readonly gdbSocket: string;
  /** See `volume-look.ts`. */
  readonly volume: Pick<VolumeWatch, 'look' | 'giveBack'>;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Hears QEMU's events from the guest's first instruction on, and reads the facts that readiness is decided from. */
export class GuestWatch {
  /**
   * QEMU's word for why the guest is off: `guest-shutdown`, or `guest-reset` where reboots are turned into an end; or
   * {@link SAFE_TO_POWER_OFF}.
   */
  readonly off: Promise<string>;
  readonly #options: GuestWatchOptions;
  readonly #qmp: QmpClient;
  #switchOff: (reason: string) => void = () => {};
  #diskError: DiskError | undefined;
  /** Aborts at the next error that pauses the guest. */
  #nextDiskError = new AbortController();
  /** Two at once would take each other's breakpoint away. */
  #lettingRun: Promise<boolean> | undefined;
  readonly #repeater: AccessRepeater;
  #isHeld = false;
  #cameUp = false;
  #resetAt: number;
  /** What `query-blockstats` counted when the guest was last reset. */
  #readBefore = 0;
  #resets = 0;
  /** Ended and replaced at each event that matters, to wake whoever waits for news. */
  #news = new AbortController();

  constructor(options: GuestWatchOptions) {
    this.#options = options;
    this.#qmp = options.qemu.qmp;
    this.#repeater = new AccessRepeater(options.qemu.qmp, options.gdbSocket, options.clock);
    this.#resetAt = options.clock.elapsed();
    this.off = new Promise((resolve) => {
      this.#switchOff = resolve;
    });
    this.#qmp.onEvent((event) => {
      this.#hear(event);
      // Not at others: our own look at the VNC server makes some, and would have us look again at once.
      if (NEWS.has(event.event)) {
        const heard = this.#news;
        this.#news = new AbortController();
        heard.abort();
      }
    });
  }

  /** Aborts when the guest is next stopped, resumed, reset or switched off. */
  get news(): AbortSignal {
    return this.#news.signal;
  }

  /** From now until the guest's next reset, the screen counts as having come up. */
  screenCameUp(): void {
    this.#cameUp = true;
  }

  /** The error that paused the guest, until it runs again. */
  get diskError(): DiskError | undefined {
    return this.#diskError;
  }

  /**
   * Whether {@link letRun} could not end what it began: when the guest doesn't run, then because of us, and it is to be
   * called again.
   */
  get isHeld(): boolean {
    return this.#isHeld;
  }

  /** Whether the guest was reset just now: another reset is then the BIOS's own. */
  get isRebooting(): boolean {
    return this.#resets > 0 && this.#options.clock.elapsed() - this.#resetAt < REBOOT_MILLISECONDS;
  }

  /** The guest's screen says that it is safe to switch off: it counts as off. */
  isSafeToPowerOff(): void {
    this.#options.log.info({}, 'The guest says that it is safe to switch off');
    this.#switchOff(SAFE_TO_POWER_OFF);
  }

  /**
   * Lets a guest run that an error of its disk paused, after QEMU has done the access again that had failed.
   * @returns false when it failed again
   */
  letRun(): Promise<boolean> {
    this.#lettingRun ??= this.#letRunNow().finally(() => {
      this.#lettingRun = undefined;
    });
    return this.#lettingRun;
  }

  async #letRunNow(): Promise<boolean> {
    const { log, volume } = this.#options;
    const again = this.#nextDiskError.signal;
    await volume.giveBack();
    // QEMU forgets the error with the first of the two times that it lets the guest run.
    this.#isHeld = true;
    const repeated = await this.#repeater.repeat();
    if (!repeated.ok) {
      log.error({ failure: repeated.failure }, 'The guest runs on before its last disk access was repeated');
    }
    const resumed = again.aborted ? undefined : await this.#qmp.execute('cont', z.unknown());
    this.#isHeld = this.#repeater.hasBreakpoint || (resumed !== undefined && !resumed.ok);
    return resumed?.ok === true && !again.aborted;
  }

  /** As {@link letRun}, and true only when the guest then runs for 2 s: else it was no recovery to tell of. */
  async resume(): Promise<boolean> {
    const again = this.#nextDiskError.signal;
    if (!(await this.letRun())) {
      return false;
    }
    await this.#options.clock.sleep(SETTLE_MILLISECONDS, again);
    return !again.aborted;
  }

  async gather(): Promise<Facts> {
    const resets = this.#resets;
    const facts = await this.#gatherNow();
    // Reset while we looked: what was read and seen may be of the time before.
    return resets === this.#resets ? facts : { ...facts, readBytes: 0, cameUp: false };
  }

  async #gatherNow(): Promise<Facts> {
    const status = await this.#qmp.execute('query-status', statusSchema);
    const runState = status.ok ? status.value.status : undefined;
    const running = runState === 'running';
    const looking = running && !this.#cameUp;
    const screen = looking ? await this.#screen() : undefined;
    return {
      runState,
      volume: await this.#options.volume.look(this.#diskError !== undefined || (this.#isHeld && !running)),
      diskError: this.#diskError,
      answersRfb: running && (await answersRfb(this.#options.vncPort, RFB_TIMEOUT_MILLISECONDS)),
      screen,
      screenText: screen?.mode === 'Text' ? await this.#text() : [],
      readBytes: looking ? (await this.#readBytes()) - this.#readBefore : 0,
      secondsSinceReset: (this.#options.clock.elapsed() - this.#resetAt) / 1000,
      cameUp: this.#cameUp,
    };
  }

  #hear({ event, data }: QmpEvent): void {
    const { log, clock } = this.#options;
    switch (event) {
      case 'SHUTDOWN': {
        const reason = reasonSchema.safeParse(data).data?.reason ?? 'unknown';
        if (!ENDS_OF_QEMU.has(reason)) {
          log.info({ reason }, 'The guest is off');
          this.#switchOff(reason);
        }
        return;
      }
      case 'RESET':
        log.info({ reason: data['reason'] }, 'The guest was reset');
        this.#resets += 1;
        this.#cameUp = false;
        this.#resetAt = clock.elapsed();
        this.#readBytes().then((bytes) => {
          this.#readBefore = bytes;
        });
        return;
      case 'RESUME':
        this.#diskError = undefined;
        return;
      case 'BLOCK_IO_ERROR': {
        const error = ioErrorSchema.safeParse(data).data;
        log.error({ error: data }, 'An access of the guest to its disk failed');
        if (error?.action === 'stop') {
          this.#diskError = { noSpace: error.nospace, operation: error.operation };
          this.#nextDiskError.abort();
          this.#nextDiskError = new AbortController();
        }
      }
    }
  }

  async #readBytes(): Promise<number> {
    const stats = await this.#qmp.execute('query-blockstats', blockStatsSchema);
    return stats.ok ? stats.value.reduce((sum, drive) => sum + drive.stats.rd_bytes, 0) : this.#readBefore;
  }

  async #screen(): Promise<Screen | undefined> {
    const filename = this.#options.screendumpFile;
    const dumped = await this.#qmp.execute('screendump', z.unknown(), { arguments: { filename } });
    if (!dumped.ok) {
      this.#options.log.debug({ failure: dumped.failure }, 'QEMU made no picture of the screen');
      return undefined;
    }
    try {
      const picture = readPicture(await readFile(filename));
      await rm(filename, { force: true });
      return picture.ok ? classifyScreen(picture.value) : undefined;
    } catch (error) {
      this.#options.log.warn({ error: messageOf(error) }, "QEMU's picture of the screen could not be read");
      return undefined;
    }
  }

  async #text(): Promise<string[]> {
    const printed = await this.#qmp.humanMonitor(TEXT_MEMORY_COMMAND);
    return printed.ok ? textLines(printed.value) : [];
  }
}
