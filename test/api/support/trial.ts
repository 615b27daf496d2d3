import { expect } from 'vitest';
import { z } from 'zod';
import { GROUP, VERSION } from '../../../src/api/group.ts';
import type { Answer, ApiServer, Cause } from './api-server.ts';
import type { Json, Manifest } from './manifest.ts';

/** A manifest that is created, or one that is changed into another. */
export type Trial = { readonly create: Manifest } | { readonly before: Manifest; readonly after: Manifest };

const APPLY = 'application/apply-patch+yaml';
const MERGE = 'application/merge-patch+json';

/** Whoever applies again under this name takes back what it leaves out. */
const FIELD_MANAGER = 'loco-api-test';

const tableSchema = z.object({
  columnDefinitions: z.array(z.object({ name: z.string(), priority: z.int() })),
  rows: z.array(z.object({ cells: z.array(z.unknown()) })),
});

type Table = z.infer<typeof tableSchema>;

/** Asks the API server what it makes of manifests, in a namespace of its own. Nothing asked for stays stored. */
export class Judge {
  readonly #server: ApiServer;
  readonly #namespace: string;
  #stored = 0;

  private constructor(server: ApiServer, namespace: string) {
    this.#server = server;
    this.#namespace = namespace;
  }

  static async open(server: ApiServer): Promise<Judge> {
    const created = (await server.mustCall({
      method: 'POST',
      path: '/api/v1/namespaces',
      body: { apiVersion: 'v1', kind: 'Namespace', metadata: { generateName: 'api-rules-' } },
    })) as { metadata: { name: string } };
    return new Judge(server, created.metadata.name);
  }

  async close(): Promise<void> {
    await this.#server.mustCall({ method: 'DELETE', path: `/api/v1/namespaces/${this.#namespace}` });
  }

  /** What the API server says to a manifest, or to the change of one into another. */
  async judge(trial: Trial): Promise<Answer> {
    if ('create' in trial) return this.create(trial.create);
    this.#stored += 1;
    const name = `stored-${this.#stored}`;
    const path = this.#object(name);
    const named = (manifest: Manifest) => ({ ...manifest, metadata: { ...manifest.metadata, name } });
    await this.#server.mustCall({
      method: 'PATCH',
      path: `${path}?fieldManager=${FIELD_MANAGER}`,
      body: named(trial.before),
      contentType: APPLY,
    });
    const query = `fieldManager=${FIELD_MANAGER}&force=true&dryRun=All`;
    const answer = await this.#server.call({
      method: 'PATCH',
      path: `${path}?${query}`,
      body: named(trial.after),
      contentType: APPLY,
    });
    await this.#server.mustCall({ method: 'DELETE', path });
    return answer;
  }

  /** The answer to a creation that isn't carried out: its body has the defaults filled in. */
  async create(manifest: Manifest): Promise<Answer> {
    return this.#server.call({ method: 'POST', path: `${this.#objects()}?dryRun=All`, body: manifest });
  }

  /** Stores an object for {@link judgeStatus}; it goes with the namespace. */
  async store(manifest: Manifest): Promise<void> {
    await this.#server.mustCall({ method: 'POST', path: this.#objects(), body: manifest });
  }

  /** What the API server says to a status of a stored object. */
  async judgeStatus(name: string, status: Json): Promise<Answer> {
    const path = `${this.#object(name)}/status?dryRun=All`;
    return this.#server.call({ method: 'PATCH', path, body: { status }, contentType: MERGE });
  }

  /** What the API server says to `kubectl scale` of a stored object. */
  async scale(name: string, replicas: number): Promise<Answer> {
    const path = `${this.#object(name)}/scale?dryRun=All`;
    return this.#server.call({ method: 'PATCH', path, body: { spec: { replicas } }, contentType: MERGE });
  }

  /** The stored objects as `kubectl get` receives them. */
  async table(): Promise<Table> {
    const accept = 'application/json;as=Table;g=meta.k8s.io;v=v1';
    return tableSchema.parse(await this.#server.mustCall({ method: 'GET', path: this.#objects(), accept }));
  }

  #objects(): string {
    return `/apis/${GROUP}/${VERSION}/namespaces/${this.#namespace}/emulators`;
  }

  #object(name: string): string {
    return `${this.#objects()}/${name}`;
  }
}

/** What the API server adds of its own: where a rule could not be asked, and where `kubectl scale` writes. */
const ASIDES = [
  'some validation rules were not checked because the object was invalid',
  'should be a non-negative integer',
];

/** The manifest was refused, at the field, with the sentence. Returns all other things that were said. */
export function expectRefusal(answer: Answer, field: string, says: RegExp): readonly string[] {
  const said = answer.causes.map((cause) => `${cause.field}: ${cause.message}`);
  expect(answer.code, `the manifest was accepted, or the answer is no refusal: ${answer.message}`).toBe(422);
  const isMeant = (cause: Cause) => sameField(cause.field, field) && says.test(cause.message);
  const others = answer.causes.filter((cause) => !isMeant(cause));
  expect(answer.causes.some(isMeant), `nothing said at ${field} matches ${says}; said was:\n${said.join('\n')}`).toBe(
    true,
  );
  return others.map((cause) => cause.message).filter((message) => !ASIDES.some((aside) => message.includes(aside)));
}

export function expectAcceptance(answer: Answer): void {
  expect(answer.code, answer.message).toBeLessThan(300);
}

/** `spec.list[0].x` is `spec.list[].x`, and `spec.map.key` and `spec.map[key]` are `spec.map{}`. */
function sameField(named: string | undefined, path: string): boolean {
  const pattern = RegExp.escape(path)
    .replaceAll(RegExp.escape('[]'), '\\[\\d+\\]')
    .replaceAll(RegExp.escape('{}'), '(\\.\\w+|\\[\\w+\\])');
  return new RegExp(`^${pattern}$`).test(named ?? '');
}
