import { readFile } from 'node:fs/promises';
import type { ControlRequest } from '../contract/control.ts';
import { PORTS } from '../contract/pod.ts';
import { failed, messageOf, type Result, success } from './failure.ts';

/** The agent that runs in this container, as the other commands of the same program see it. */
export interface AgentClient {
  /** The report as JSON text. */
  status(): Promise<Result<string>>;
  /** The answer's body; a PNG for `Screenshot`, empty otherwise. */
  control(request: ControlRequest): Promise<Result<Buffer>>;
}

const TIMEOUT_MILLISECONDS = 30_000;

/** @param tokenFile the agent's bearer token */
export function agentClient(tokenFile: string, port: number = PORTS.agent): AgentClient {
  return {
    status: async () => {
      const answer = await ask(tokenFile, port, '/status');
      return answer.ok ? success(answer.value.toString('utf8')) : answer;
    },
    control: (request) => ask(tokenFile, port, '/control', request),
  };
}

async function ask(tokenFile: string, port: number, path: string, body?: ControlRequest): Promise<Result<Buffer>> {
  try {
    const token = (await readFile(tokenFile, 'utf8')).trim();
    const response = await fetch(`http://127.0.0.1:${port}${path}`, {
      headers: { authorization: `Bearer ${token}` },
      signal: AbortSignal.timeout(TIMEOUT_MILLISECONDS),
      ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
    });
    const content = Buffer.from(await response.arrayBuffer());
    if (response.ok) return success(content);
    return failed('AgentRefused', `The agent answered ${response.status}: ${content.toString('utf8').trim()}`);
  } catch (error) {
    return failed('AgentNotReachable', `The agent in this container can't be asked: ${messageOf(error)}.`);
  }
}
