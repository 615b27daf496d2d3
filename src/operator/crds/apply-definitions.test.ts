import { describe, expect, it } from 'vitest';
import { ApiError } from '../../kube/errors.ts';
import { FakeClock } from '../../kube/fake-clock.ts';
import type { KubeObject, Resource } from '../../kube/object.ts';
import { applyDefinitions } from './apply-definitions.ts';
import { type Definition, parseDefinition } from './definition.ts';

const established = [
  { type: 'NamesAccepted', status: 'True' },
  { type: 'Established', status: 'True' },
];

function definition(name: string, ...fields: string[]): Definition {
  const properties = Object.fromEntries(fields.map((field) => [field, { type: 'string' }]));
  return parseDefinition({
    kind: 'CustomResourceDefinition',
    metadata: { name },
    spec: { versions: [{ name: 'v1', schema: { openAPIV3Schema: { type: 'object', properties } } }] },
  });
}

/** An API server that has definitions, and gives them these conditions when they are applied. */
class FakeServer {
  readonly definitions = new Map<string, Definition>();
  readonly applied: { name: string; fieldManager: string; force: boolean }[] = [];
  conditions: readonly object[] = established;

  constructor(...present: Definition[]) {
    for (const each of present) this.definitions.set(each.metadata.name, each);
  }

  async get<T extends KubeObject>(_: Resource, __: string, name: string): Promise<T | undefined> {
    const found = this.definitions.get(name);
    return found && ({ ...found, status: { conditions: this.conditions } } as unknown as T);
  }

  async apply<T extends KubeObject>(
    _: Resource,
    object: T,
    { fieldManager, force }: { fieldManager: string; force: boolean },
  ): Promise<T> {
    this.applied.push({ name: object.metadata.name, fieldManager, force });
    this.definitions.set(object.metadata.name, parseDefinition(object));
    return object;
  }
}

const apply = (
  server: FakeServer,
  wanted: readonly Definition[],
  allowRemovedFields = false,
  clock = new FakeClock(),
) => applyDefinitions({ client: server, clock, allowRemovedFields }, wanted);

describe('applying the definitions of a chart', () => {
  it('adds a field to what the cluster has, also where a person or Helm had installed it', async () => {
    const server = new FakeServer(definition('things', 'a'));
    const wanted = definition('things', 'a', 'b');
    expect(await apply(server, [wanted])).toEqual({ outcome: 'Applied', message: 'applied things' });
    expect(server.applied).toEqual([{ name: 'things', fieldManager: 'helm', force: true }]);
    expect(server.definitions.get('things')).toEqual(wanted);
  });

  it('makes one that is new in this chart', async () => {
    const server = new FakeServer(definition('things', 'a'));
    expect(await apply(server, [definition('others'), definition('things', 'a')])).toMatchObject({
      outcome: 'Applied',
    });
    expect(server.applied.map(({ name }) => name)).toEqual(['others', 'things']);
  });

  it('writes nothing at all where one would lose a field, and says which and what to do', async () => {
    const server = new FakeServer(definition('things', 'a', 'b'));
    const result = await apply(server, [definition('others'), definition('things', 'a')]);
    expect(result.outcome).toBe('FieldsRemoved');
    expect(result.message).toContain('things v1: b');
    expect(result.message).toContain('operator.crds.allowRemovedFields=true');
    expect(server.applied).toEqual([]);
  });

  it('takes fields away when that is meant', async () => {
    const server = new FakeServer(definition('things', 'a', 'b'));
    expect(await apply(server, [definition('things', 'a')], true)).toMatchObject({ outcome: 'Applied' });
  });

  it('waits until the API server serves them', async () => {
    const server = new FakeServer();
    server.conditions = [];
    const clock = new FakeClock();
    let done = false;
    const applying = apply(server, [definition('things')], false, clock).then((result) => {
      done = true;
      return result;
    });
    await clock.advance(10_000);
    expect(done).toBe(false);
    server.conditions = established;
    await clock.advance(500);
    expect(await applying).toMatchObject({ outcome: 'Applied' });
  });

  it('gives up on one that is never served, with what the API server says of it', async () => {
    const server = new FakeServer();
    const message = 'the name is taken by other.example.com';
    server.conditions = [{ type: 'NamesAccepted', status: 'False', message }];
    const clock = new FakeClock();
    const applying = apply(server, [definition('things')], false, clock);
    await clock.advance(61_000);
    expect(await applying).toMatchObject({ outcome: 'NotEstablished', message: expect.stringContaining(message) });
  });

  it('gives up on one that somebody deletes meanwhile', async () => {
    const server = new FakeServer();
    server.apply = async (_, object) => object;
    expect(await apply(server, [definition('things')])).toMatchObject({
      outcome: 'NotEstablished',
      message: 'things: it was deleted meanwhile',
    });
  });

  it("passes the API server's refusal on", async () => {
    const server = new FakeServer();
    const refused = new ApiError(422, 'Invalid', 'status.storedVersions must appear in spec.versions');
    server.apply = () => Promise.reject(refused);
    await expect(apply(server, [definition('things')])).rejects.toBe(refused);
  });
});
