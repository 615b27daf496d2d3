import path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { keepIn } from '../../chaos/operator/evidence.ts';
import { makePlan, SHORT } from '../../chaos/operator/plan.ts';
import { type RunVerdict, runOperatorChaos } from '../../chaos/operator/run.ts';
import { step } from '../../scripts/console.ts';
import { stateFolder } from '../../scripts/folders.ts';

/** The short form of `npm run chaos -- operator`; docs/chaos.md says how to read what it finds. */
describe('twenty Emulators while everything fails once', () => {
  const plan = makePlan(SHORT, 4);
  let verdict: RunVerdict;

  beforeAll(async () => {
    const lines: string[] = [];
    const log = (line: string): void => {
      lines.push(line);
      step(line);
    };
    const keep = keepIn(path.join(stateFolder, 'chaos'), plan, lines, step);
    verdict = await runOperatorChaos({ plan, cluster: 'loco-test-chaos', log, keep, always: false });
  });

  test('every fault of the plan was met', () => {
    expect(verdict.faults).toBe(plan.faults.length);
    expect(verdict.damages).toBeGreaterThanOrEqual(plan.damages.length - 2);
    expect(Object.values(verdict.injected).reduce((sum, count) => sum + count, 0)).toBeGreaterThan(0);
    expect(verdict.terms).toBeGreaterThan(1);
  });

  test('every Emulator came to what its spec says, with the right reasons, and the status says what its agents say', () => {
    const { notConverged, wrongConditions, wrongMachines } = verdict;
    expect({ notConverged, wrongConditions, wrongMachines }).toEqual({
      notConverged: 0,
      wrongConditions: 0,
      wrongMachines: 0,
    });
  });

  test('nothing is there twice, nothing is left over, and no claim is lost', () => {
    const { orphans, duplicates, wrongClaims, lostClaims } = verdict;
    expect({ orphans, duplicates, wrongClaims, lostClaims }).toEqual({
      orphans: 0,
      duplicates: 0,
      wrongClaims: 0,
      lostClaims: 0,
    });
  });

  test('no write of an operator took effect, or was even sent, while another one had the Lease', () => {
    expect(verdict.staleWrites).toBe(0);
    expect(verdict.lateWrites).toBe(0);
  });

  test('no operator ended by itself', () => {
    expect(verdict.exits).toBe(0);
  });

  test('it wrote what the undisturbed run wrote and what the damage demands, and nothing once all was well', () => {
    expect(verdict.comparison.ratio).toBeLessThanOrEqual(1.2);
    expect(verdict.restless).toBe(0);
  });

  test('nothing else was wrong', () => {
    expect(verdict.findings).toEqual([]);
  });
});
