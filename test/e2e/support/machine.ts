import { type AgentReport, agentReportSchema } from '../../../src/contract/agent-report.ts';
import type { EmulatorView } from './cluster.ts';
import type { Scenario } from './scenario.ts';
import { eventually } from './wait.ts';

type MachineView = NonNullable<NonNullable<EmulatorView['status']>['machines']>[number];

/** One machine of an Emulator with the test guest in it, over all the pods it has in its life. */
export class Machine {
  readonly #scenario: Scenario;
  readonly emulator: string;
  readonly pod: string;

  constructor(scenario: Scenario, emulator: string, ordinal = 0) {
    this.#scenario = scenario;
    this.emulator = emulator;
    this.pod = `${emulator}-${ordinal}`;
  }

  /** Waits until the guest has booted `boot` times (once unless told) by its own counter, and listens. */
  async up(boot?: number): Promise<void> {
    await eventually(
      `the guest of ${this.pod} has booted${boot === undefined ? '' : ` ${boot} times`} and listens`,
      async () => {
        const last = (await this.#scenario.log(this.pod)).split('LOCO-GUEST boot=').at(-1) ?? '';
        return last.includes('LOCO-GUEST ready') && (boot === undefined || Number.parseInt(last, 10) === boot);
      },
      240_000,
      () => this.#scenario.explain(this.emulator),
    );
  }

  /** How often the guest has come up in this container. */
  async boots(): Promise<number> {
    return (await this.#scenario.log(this.pod)).split('LOCO-GUEST ready').length - 1;
  }

  /** Types a command of test/guest/README.md without waiting for what comes of it. */
  async enter(command: string): Promise<void> {
    await this.up();
    await this.run(['loco-agent', 'serial', command]);
  }

  /** Types a command and waits until the guest says that it is done. */
  async type(command: string, timeout = 240_000): Promise<void> {
    const answers = async () => (await this.#scenario.log(this.pod)).split(`LOCO-GUEST ok ${command}`).length;
    await this.up();
    const before = await answers();
    await this.enter(command);
    await eventually(`the guest of ${this.pod} has done "${command}"`, async () => (await answers()) > before, timeout);
  }

  /** Waits until the agent has logged this message in this container. */
  async logs(message: string): Promise<void> {
    await eventually(`the agent of ${this.pod} logs "${message}"`, async () =>
      (await this.#scenario.log(this.pod)).includes(`"msg":"${message}"`),
    );
  }

  /** The last thing that the guest said of itself under this name (`boot`, `clean`, `files`, …). */
  async said(name: string): Promise<string> {
    const pattern = new RegExp(`LOCO-GUEST ${name}=([^"\\\\\\s]+)`, 'g');
    return (await this.#scenario.guestLine(this.pod, pattern))[1] ?? '';
  }

  /** Standard output of a program in the machine's container. */
  async run(command: readonly string[], options: { reject?: boolean } = {}): Promise<string> {
    const exec = ['-n', this.#scenario.namespace, 'exec', this.pod, '-c', 'emulator', '--', ...command];
    return (await this.#scenario.cluster.kubectl(exec, options)).stdout;
  }

  /** What the agent says of the machine. */
  async report(): Promise<AgentReport> {
    return agentReportSchema.parse(JSON.parse(await this.run(['loco-agent', 'status'])));
  }

  /** What the Emulator's status says of the machine, once it `holds`. */
  async status(sentence: string, holds: (machine: MachineView) => boolean | undefined): Promise<MachineView> {
    return eventually(
      `the status of ${this.pod} says that ${sentence}`,
      async () => {
        const { status } = await this.#scenario.emulator(this.emulator);
        return status?.machines?.find((machine) => machine.pod === this.pod && holds(machine));
      },
      240_000,
      () => this.#scenario.explain(this.emulator),
    );
  }

  /** Waits until Emulator and agent say the same of the machine's last stop, and gives it. */
  async lastStop() {
    const told = (await this.report()).disk?.lastStop;
    await this.status(`its last stop was at ${told?.at}`, ({ disk }) => disk && disk.lastStop?.at === told?.at);
    return told;
  }

  /** How often the container of this pod was started again. */
  async restarts(): Promise<number | undefined> {
    return (await this.#container())?.restartCount;
  }

  /** How the container of this pod ended before it was started again; nothing where it never did. */
  async lastEnd(): Promise<{ exitCode: number; reason?: string } | undefined> {
    const ended = (await this.#container())?.lastState?.terminated;
    return ended && { exitCode: ended.exitCode, ...(ended.reason === undefined ? {} : { reason: ended.reason }) };
  }

  /** Waits until the machine's container runs: from then on it can be told to stop. */
  async containerRuns(): Promise<void> {
    await eventually(`the container of ${this.pod} runs`, async () => (await this.#container())?.state?.running);
  }

  /**
   * Deletes the pod as `kubectl delete pod` does, and waits until another has its name: longer than any grace period
   * here, so that it is the caller who judges the seconds that it took.
   */
  async deletePod(): Promise<number> {
    const old = await this.#scenario.podUid(this.pod);
    const begin = performance.now();
    await this.#scenario.cluster.core.deleteNamespacedPod({ name: this.pod, namespace: this.#scenario.namespace });
    const isNew = async () => {
      const now = await this.#scenario.podUid(this.pod);
      return now !== undefined && now !== old;
    };
    await eventually(`pod ${this.pod} is a new one`, isNew, 400_000);
    return (performance.now() - begin) / 1000;
  }

  /** Ends QEMU without a word. */
  async killQemu(): Promise<void> {
    await this.run(['sh', '-c', 'kill -9 $(pidof qemu-system-i386)']);
  }

  /** Whether the kernel ends the whole container when it is out of memory (control groups of version 2). */
  async endsWhole(): Promise<boolean> {
    const file = '/sys/fs/cgroup/memory.oom.group';
    return (await this.run(['sh', '-c', `cat ${file} 2>/dev/null || echo 0`])).trim() === '1';
  }

  /**
   * Takes memory in the container until the kernel ends QEMU for want of it. Whom the kernel takes is the test's to say:
   * QEMU first, then those who take the memory, which a QEMU that comes back may find still at it; and never the agent.
   */
  async runOutOfMemory(): Promise<void> {
    const takeUntilGone = `
      qemu=/proc/$(pidof qemu-system-i386)
      echo 1000 >$qemu/oom_score_adj
      echo 990 >/proc/self/oom_score_adj
      while grep -q '^State:.[RSD]' $qemu/status 2>/dev/null; do
        : "$( (taken=$(head -c 10000000 /dev/zero | tr '\\0' x); exec >&-; sleep 60; :) & )"
      done
      kill -9 0`;
    await this.run(['sh', '-c', takeUntilGone], { reject: false });
  }

  /** Ends every process of the container without a word, as the kernel does when it is out of memory. */
  async killContainer(): Promise<void> {
    await this.run(['sh', '-c', 'kill -9 -1'], { reject: false });
  }

  async #container() {
    const pod = await this.#scenario.cluster.core.readNamespacedPod({
      name: this.pod,
      namespace: this.#scenario.namespace,
    });
    return pod.status?.containerStatuses?.find(({ name }) => name === 'emulator');
  }
}
