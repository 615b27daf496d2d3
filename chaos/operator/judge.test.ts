import { expect, test } from 'vitest';
import type { AuditEntry } from './audit.ts';
import { judge } from './judge.ts';
import type { PhaseResult } from './phase.ts';

const request = (at: number, other: Partial<AuditEntry> = {}): AuditEntry => ({
  receivedAt: at,
  answeredAt: at + 1,
  verb: 'patch',
  code: 200,
  user: 'operator',
  identity: 'a',
  resource: 'statefulsets',
  subresource: undefined,
  namespace: 'wild',
  name: 'emu-000',
  ...other,
});

const lease = (at: number, identity: string) =>
  request(at, { resource: 'leases', verb: 'update', namespace: 'loco-system', identity });

const phase = (other: Partial<PhaseResult> = {}): PhaseResult => ({
  span: { fromMs: 0, toMs: 1000 },
  findings: [],
  damages: [],
  faults: 0,
  ownExits: [],
  injected: {},
  settledMs: 0,
  quietFromMs: 900,
  collectorRestarts: 0,
  ...other,
});

/** Five writes when nobody disturbs; `wild` is what the other part of the run had. */
function verdict(wild: readonly AuditEntry[], result: Partial<PhaseResult> = {}) {
  const five = Array.from({ length: 5 }, (_, at) => request(at, { namespace: 'calm' }));
  return judge({
    calm: { result: phase(), entries: five },
    wild: { result: phase(result), entries: [lease(0, 'a'), ...wild] },
    namespaces: { calm: 'calm', wild: 'wild' },
    resources: 1,
    variants: new Map([
      ['emu-000', 'persistent' as const],
      ['emu-001', 'persistentDelete' as const],
    ]),
  });
}

const writes = (count: number) => Array.from({ length: count }, (_, index) => request(10 + index));

test('as many writes as undisturbed are well, a fifth more at most', () => {
  expect(verdict(writes(6)).findings).toEqual([]);
  expect(verdict(writes(7)).findings).toEqual(["writes: 1.4 times the undisturbed run's"]);
});

test('a damage allows what mends it, and no more', () => {
  const damages = [{ kind: 'DeleteService' as const, target: 'emu-000', emulator: 'emu-000' }];
  expect(verdict(writes(7), { damages }).comparison).toMatchObject({ repairs: 1, ratio: 1.2 });
  expect(verdict(writes(8), { damages }).findings).toHaveLength(1);
});

test('what the API server could not take isn’t counted, and a refusal is', () => {
  const busy = [request(20, { code: 500 }), request(21, { code: 429 })];
  expect(verdict([...writes(5), ...busy]).comparison.disturbed).toBe(5);
  expect(verdict([...writes(5), request(22, { code: 409 })]).comparison.disturbed).toBe(6);
});

test('a write when everything is well is one too many', () => {
  expect(verdict([...writes(4), request(950)])).toMatchObject({ restless: 1 });
});

test('a process that ends by itself while nobody else leads is told, and one that lost the Lease isn’t', () => {
  const ownExits = [{ identity: 'a', atMs: 500, code: 1, signal: null }];
  expect(verdict([], { ownExits }).exits).toBe(1);
  expect(verdict([lease(400, 'a_another-process')], { ownExits }).exits).toBe(1);
  expect(verdict([lease(400, 'b')], { ownExits }).exits).toBe(0);
});

test('a claim that was to be kept is lost when the operator or the collector deletes it', () => {
  const deleted = (name: string, other: Partial<AuditEntry> = {}) =>
    request(30, { verb: 'delete', resource: 'persistentvolumeclaims', name, ...other });
  const collected = { identity: undefined, user: 'system:serviceaccount:kube-system:generic-garbage-collector' };
  expect(verdict([deleted('win98-disk-emu-000-0')]).lostClaims).toBe(1);
  expect(verdict([deleted('win98-disk-emu-000-0', collected)]).lostClaims).toBe(1);
  expect(verdict([deleted('own-emu-004')]).lostClaims).toBe(1);
  expect(verdict([deleted('win98-disk-emu-001-0')]).lostClaims).toBe(0);
  const saboteur = { identity: undefined, user: 'kubernetes-admin' };
  expect(verdict([deleted('win98-disk-emu-000-0', saboteur)]).lostClaims).toBe(0);
});
