import { execa } from 'execa';
import { Cluster, type EmulatorView, ignoreNotFound } from './cluster.ts';
import { type Environment, readEnvironment } from './environment.ts';
import { eventually } from './wait.ts';

const API_VERSION = 'loco.mroie.github.io/v1alpha1';

type Spec = Record<string, unknown> & { storage: Record<string, unknown> };

/** A namespace of its own, with what a user would do and see in it. Restricted Pod Security is enforced. */
export class Scenario {
  readonly cluster: Cluster;
  readonly namespace: string;

  constructor(name: string, environment: Environment = readEnvironment()) {
    this.cluster = new Cluster(environment);
    this.namespace = `e2e-${name}`;
  }

  get images() {
    return this.cluster.environment.images;
  }

  async open(): Promise<void> {
    await this.close();
    await eventually(
      'the namespace of an earlier run is gone',
      async () => (await this.cluster.get('v1', 'Namespace', '', this.namespace)) === undefined,
    );
    await this.cluster.apply({
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: {
        name: this.namespace,
        labels: {
          'pod-security.kubernetes.io/enforce': 'restricted',
          'pod-security.kubernetes.io/warn': 'restricted',
        },
      },
    });
    // A pod that is made before that is refused.
    await eventually('the namespace has its account', async () => {
      const account = await this.cluster.get('v1', 'ServiceAccount', this.namespace, 'default');
      return account !== undefined;
    });
  }

  /** Asks for the end of the namespace; the guests in it shut down while the next file runs. */
  async close(): Promise<void> {
    await this.cluster.core.deleteNamespace({ name: this.namespace }).catch(ignoreNotFound);
  }

  /** Applies an Emulator that runs the test guest unless `spec` says otherwise. */
  async applyEmulator(name: string, spec: Spec): Promise<void> {
    await this.cluster.apply({
      apiVersion: API_VERSION,
      kind: 'Emulator',
      metadata: { name, namespace: this.namespace },
      spec: {
        image: this.images.qemuBuiltin,
        readiness: { screen: 'Any' },
        shutdown: { gracePeriodSeconds: 60 },
        ...spec,
        machine: { memory: '128Mi', ...(spec.machine as object | undefined) },
      },
    });
  }

  /** Changes fields of an Emulator's spec, as `kubectl patch` does. */
  async patch(name: string, spec: object): Promise<void> {
    const text = JSON.stringify({ spec });
    await this.cluster.kubectl(['-n', this.namespace, 'patch', 'emulator', name, '--type=merge', '-p', text]);
  }

  /** Waits until an Emulator that was told to stop has no pod any more. */
  async stopped(name: string, timeout?: number): Promise<EmulatorView> {
    await this.condition(name, 'Ready', 'False', 'Stopped', timeout);
    return this.emulator(name);
  }

  async emulator(name: string): Promise<EmulatorView> {
    const found = await this.cluster.get<EmulatorView>(API_VERSION, 'Emulator', this.namespace, name);
    if (found === undefined) throw new Error(`there is no Emulator ${this.namespace}/${name}`);
    return found;
  }

  /** Waits until the Emulator's condition has the status, and the reason when one is given. */
  async condition(name: string, type: string, status: string, reason?: string, timeout = 240_000) {
    return eventually(
      `Emulator ${name} has condition ${type}=${status}${reason === undefined ? '' : ` (${reason})`}`,
      async () => {
        const emulator = await this.emulator(name);
        if (emulator.status?.observedGeneration !== emulator.metadata.generation) return undefined;
        return emulator.status.conditions?.find(
          (condition) =>
            condition.type === type &&
            condition.status === status &&
            (reason === undefined || condition.reason === reason),
        );
      },
      timeout,
      () => this.explain(name),
    );
  }

  /** Waits until the Emulator is Ready and each of its machines has told of its disk. */
  async ready(name: string, timeout?: number): Promise<EmulatorView> {
    await this.condition(name, 'Ready', 'True', undefined, timeout);
    await this.condition(name, 'DisksReady', 'True', undefined, timeout);
    return this.emulator(name);
  }

  /** The boot counter that the guest printed last on its serial line. */
  async bootCount(pod: string): Promise<number> {
    return Number((await this.guestLine(pod, /LOCO-GUEST boot=(\d+)/g))[1]);
  }

  /** The last match of `pattern` in the guest's serial output, waiting for the first one. */
  async guestLine(pod: string, pattern: RegExp): Promise<RegExpMatchArray> {
    // With Ready for any screen it may not have begun to boot, and on a busy machine that takes minutes.
    return eventually(
      `the guest of ${pod} has said ${pattern}`,
      async () => [...(await this.log(pod)).matchAll(pattern)].at(-1),
      240_000,
      () => this.log(pod),
    );
  }

  async log(pod: string, container = 'emulator'): Promise<string> {
    return this.cluster.core.readNamespacedPodLog({ name: pod, namespace: this.namespace, container });
  }

  async podUid(pod: string): Promise<string | undefined> {
    return (await this.cluster.get<{ metadata: { uid: string } }>('v1', 'Pod', this.namespace, pod))?.metadata.uid;
  }

  async claimUid(claim: string): Promise<string | undefined> {
    return (await this.cluster.get<{ metadata: { uid: string } }>('v1', 'PersistentVolumeClaim', this.namespace, claim))
      ?.metadata.uid;
  }

  async claims(): Promise<string[]> {
    const list = await this.cluster.core.listNamespacedPersistentVolumeClaim({ namespace: this.namespace });
    return list.items.map((claim) => claim.metadata?.name ?? '').sort();
  }

  /** Deletes a pod the way `kubectl delete pod` does, and waits until another one has taken its name and is ready. */
  async replacePod(emulator: string, pod: string): Promise<void> {
    const old = await this.podUid(pod);
    await this.cluster.core.deleteNamespacedPod({ name: pod, namespace: this.namespace });
    await this.interruption();
    await this.newPod(emulator, pod, old);
  }

  /** Waits until `pod` is another one than `old`, and the Emulator is Ready with it. */
  async newPod(emulator: string, pod: string, old: string | undefined): Promise<void> {
    await eventually(`pod ${pod} is a new one`, async () => {
      const now = await this.podUid(pod);
      return now !== undefined && now !== old;
    });
    await this.podReady(emulator, pod);
  }

  async podReady(emulator: string, pod: string): Promise<void> {
    await eventually(
      `pod ${pod} is ready`,
      async () => {
        const found = await this.cluster.core.readNamespacedPod({ name: pod, namespace: this.namespace });
        return found.status?.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True');
      },
      240_000,
      () => this.explain(emulator),
    );
    await this.ready(emulator);
  }

  async deleteEmulator(name: string): Promise<void> {
    await this.cluster.objects
      .delete({ apiVersion: API_VERSION, kind: 'Emulator', metadata: { name, namespace: this.namespace } })
      .catch(ignoreNotFound);
    await eventually('the pods are gone', async () => {
      const pods = await this.cluster.core.listNamespacedPod({
        namespace: this.namespace,
        labelSelector: `app.kubernetes.io/instance=${name}`,
      });
      return pods.items.length === 0;
    });
  }

  /** The middle of a scenario: the operator is restarted here when the run asks for it. */
  async interruption(): Promise<void> {
    if (this.cluster.environment.restartOperator) await this.cluster.restartOperator();
  }

  /** Messages of the events about the Emulator with this reason. */
  async events(name: string, reason: string): Promise<string[]> {
    const list = await this.cluster.core.listNamespacedEvent({ namespace: this.namespace });
    return list.items
      .filter((event) => event.involvedObject.name === name && event.reason === reason)
      .map((event) => event.message ?? '');
  }

  /** Messages of the warnings about the Emulator. */
  async warnings(name: string): Promise<string[]> {
    const list = await this.cluster.core.listNamespacedEvent({ namespace: this.namespace });
    return list.items
      .filter((event) => event.involvedObject.name === name && event.type === 'Warning')
      .map((event) => event.message ?? '');
  }

  /** How often each event about each Emulator of the namespace was told. */
  async eventCounts(): Promise<Record<string, number>> {
    const list = await this.cluster.core.listNamespacedEvent({ namespace: this.namespace });
    const own = list.items.filter((event) => event.involvedObject.kind === 'Emulator');
    return Object.fromEntries(
      own.map((event) => [
        `${event.involvedObject.name} ${event.reason}: ${event.message}`,
        event.series?.count ?? event.count ?? 1,
      ]),
    );
  }

  /** Runs a shell line exactly as a message printed it, with kubectl and the kubeconfig in place. */
  async paste(line: string, folder: string) {
    const { kubectl, kubeconfig } = this.cluster.environment;
    const directory = kubectl.slice(0, kubectl.lastIndexOf('/'));
    return execa('sh', ['-c', line], {
      cwd: folder,
      env: { KUBECONFIG: kubeconfig, PATH: `${directory}:${process.env.PATH}` },
      all: true,
      reject: false,
    });
  }

  /** For a failure's message: what a person would look at. */
  async explain(name: string): Promise<string> {
    const describe = await this.cluster.kubectl(['-n', this.namespace, 'describe', 'emulator', name], {
      reject: false,
    });
    const pods = await this.cluster.kubectl(['-n', this.namespace, 'get', 'pods,pvc', '-o', 'wide'], { reject: false });
    const operator = await this.cluster.kubectl(
      [
        '-n',
        this.cluster.environment.operatorNamespace,
        'logs',
        '-l',
        'app.kubernetes.io/name=loco-operator',
        '--tail',
        '40',
      ],
      { reject: false },
    );
    const machines = await this.cluster.kubectl(
      [
        '-n',
        this.namespace,
        'logs',
        '-l',
        `app.kubernetes.io/instance=${name}`,
        '--all-containers',
        '--tail',
        '15',
        '--prefix',
      ],
      { reject: false },
    );
    return [describe.all, pods.all, 'operator:', operator.all, 'machines:', machines.all].join('\n');
  }
}
