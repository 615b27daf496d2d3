import { listProcesses, signal } from '../local/processes.ts';
import { findComponent, startComponent, stopComponent, waitReady } from '../local/supervise.ts';
import type { Running } from './bring-up.ts';
import type { ComponentName } from './components.ts';
import { entrances } from './entrances.ts';

/** What can be done to a part of a simulated cluster while the others run on. */
export interface ComponentControl {
  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<void>;
  /** Starts it unless it runs; resolves when it does its work. */
  start(): Promise<void>;
  /** SIGSTOP: it hears nothing, and its connections stay open. */
  pause(): Promise<void>;
  resume(): Promise<void>;
  /** Its process ids as this machine counts them. */
  pids(): Promise<readonly number[]>;
}

/** @throws when this cluster has no such component */
export function controlOf({ node, components }: Running, name: ComponentName): ComponentControl {
  const component = components.find((candidate) => candidate.name === name);
  if (component === undefined) throw new Error(`the simulated cluster "${node.layout.name}" was made without ${name}`);
  const send = async (what: NodeJS.Signals) => {
    for (const { pid } of await findComponent(node, component)) signal(pid, what);
  };
  const resume = async () => {
    await send('SIGCONT');
    // The nsenter that waits for a process stops itself when that one is stopped.
    for (const { pid } of entrances(await listProcesses(), node.layout)) signal(pid, 'SIGCONT');
  };
  return {
    kill: async () => {
      await stopComponent(node, component, 'SIGKILL');
      await resume();
    },
    start: async () => {
      await startComponent(node, component);
      await waitReady(node, component);
    },
    pause: () => send('SIGSTOP'),
    resume,
    pids: async () => (await findComponent(node, component)).map(({ pid }) => pid),
  };
}
