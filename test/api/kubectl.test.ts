import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ApiServer } from './support/api-server.ts';
import { installCrd } from './support/install-crd.ts';
import { emulator } from './support/manifest.ts';
import { expectAcceptance, Judge } from './support/trial.ts';

let judge: Judge;

beforeAll(async () => {
  const server = await ApiServer.open();
  await installCrd(server);
  judge = await Judge.open(server);
  await judge.store(emulator({ storage: { mode: 'Ephemeral' } }, 'room'));
  await judge.store(emulator({ storage: { mode: 'Persistent', existingClaim: { name: 'mine' } } }, 'own-disk'));
});

afterAll(async () => judge?.close());

describe('kubectl get', () => {
  const shown = async () => {
    const table = await judge.table();
    return table.columnDefinitions.map(({ name, priority }) => `${name}${priority === 0 ? '' : ' (wide)'}`);
  };

  it('has a column for each thing people ask first', async () => {
    expect(await shown()).toEqual([
      ...['Name', 'Ready', 'Desired', 'Ready machines', 'Mode', 'Power', 'Origin', 'Age'],
      ...['Digest (wide)', 'Message (wide)'],
    ]);
  });

  it('fills them from the spec', async () => {
    const { rows } = await judge.table();
    const [name, , desired, , mode, power] = rows.find((row) => row.cells[0] === 'room')?.cells ?? [];
    expect({ name, desired, mode, power }).toEqual({ name: 'room', desired: 1, mode: 'Ephemeral', power: 'Stopped' });
  });
});

describe('kubectl scale', () => {
  it('sets the replicas', async () => {
    const answer = await judge.scale('room', 3);
    expectAcceptance(answer);
    expect(answer.body).toMatchObject({ spec: { replicas: 3 } });
  });

  it('is refused with a sentence where the machines would share a disk', async () => {
    const answer = await judge.scale('own-disk', 2);
    expect(answer.code).toBe(422);
    expect(answer.message).toContain('storage.existingClaim is one disk, and two machines never share one');
  });
});
