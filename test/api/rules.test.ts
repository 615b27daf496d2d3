import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ValidationRule } from '../../src/api/rule.ts';
import { diskCases } from './cases/disk.ts';
import { displayCases } from './cases/display.ts';
import { formCases } from './cases/forms.ts';
import { machineCases } from './cases/machine.ts';
import { nameCases } from './cases/name.ts';
import { podCases } from './cases/pod.ts';
import { specCases } from './cases/spec.ts';
import { storageCases } from './cases/storage.ts';
import { ApiServer } from './support/api-server.ts';
import { boundOf } from './support/bounds.ts';
import { installCrd } from './support/install-crd.ts';
import { emulator, manifestWith } from './support/manifest.ts';
import { root } from './support/root.ts';
import { caseFor, type RuleCase } from './support/rule-case.ts';
import { type Demand, demandsOf, pathText, type SchemaPath } from './support/schema-walk.ts';
import { expectAcceptance, expectRefusal, Judge, type Trial } from './support/trial.ts';

/** An Emulator that is stored, so that statuses can be held against it. */
const STORED = 'status';

const ruleCases: readonly RuleCase[] = [
  ...nameCases,
  ...specCases,
  ...storageCases,
  ...diskCases,
  ...machineCases,
  ...podCases,
  ...displayCases,
];

const demands = demandsOf(root);
const rules = demands.filter((demand) => demand.keyword === 'x-kubernetes-validations');
const bounds = demands.filter((demand) => demand.keyword !== 'x-kubernetes-validations');
const sentences = rules.map((demand) => ruleOf(demand).message);

let judge: Judge;

beforeAll(async () => {
  const server = await ApiServer.open();
  await installCrd(server);
  judge = await Judge.open(server);
  await judge.store(emulator({ storage: { mode: 'Persistent' } }, STORED));
});

afterAll(async () => judge?.close());

function ruleOf(demand: Demand): ValidationRule {
  return demand.value as ValidationRule;
}

function literal(text: string): RegExp {
  return new RegExp(RegExp.escape(text));
}

/** The field that a rule's refusal names. */
function fieldOf(demand: Demand): string {
  return `${pathText(demand.path)}${ruleOf(demand).fieldPath ?? ''}`.replace(/^\./, '');
}

/** The trials of a rule: its own case, or those of the form of text that it asks for. */
function trialsOf(demand: Demand): Pick<RuleCase, 'refused' | 'allowed'> {
  const path = pathText(demand.path);
  const own = caseFor(ruleCases, path, ruleOf(demand));
  if (own !== undefined) return own;
  const form = caseFor(formCases, path, ruleOf(demand));
  const create = (value: string | number): Trial => ({ create: manifestWith(root, demand.path, value) });
  return { refused: (form?.refused ?? []).map(create), allowed: (form?.allowed ?? []).map(create) };
}

async function judgeValue(path: SchemaPath, value: unknown) {
  const manifest = manifestWith(root, path, value);
  return path[0] === 'status'
    ? judge.judgeStatus(STORED, manifest['status'] as Record<string, unknown>)
    : judge.create(manifest);
}

describe('each rule of the CRD is proven by manifests that break it and by manifests at its edge', () => {
  for (const demand of rules) {
    const { message } = ruleOf(demand);
    it(`${pathText(demand.path)}: ${message}`, async () => {
      const { refused, allowed } = trialsOf(demand);
      expect(refused.length, 'no manifest breaks this rule: add a case in test/api/cases').toBeGreaterThan(0);
      expect(allowed.length, 'no manifest is at its edge: add a case in test/api/cases').toBeGreaterThan(0);
      for (const trial of refused) {
        const others = expectRefusal(await judge.judge(trial), fieldOf(demand), literal(message));
        // A rule that could not be evaluated, or a mistake in the manifest itself, says something else.
        expect(others.filter((said) => !sentences.some((sentence) => said.includes(sentence)))).toEqual([]);
      }
      for (const trial of allowed) expectAcceptance(await judge.judge(trial));
    });
  }
});

describe('each bound of the CRD refuses what is beyond it and takes what is at it', () => {
  for (const demand of bounds) {
    it(`${pathText(demand.path)}: ${demand.keyword} ${JSON.stringify(demand.value)}`, async () => {
      const bound = boundOf(demand);
      expect(
        bound,
        `nobody knows how to break ${demand.keyword}: make it a rule with a sentence, or teach bounds.ts`,
      ).toBeDefined();
      if (bound === undefined) return;
      const at = bound.at ?? demand.path;
      const field = pathText(bound.field ?? at);
      for (const value of bound.refused) {
        expect(expectRefusal(await judgeValue(at, value), field, bound.says)).toEqual([]);
      }
      for (const value of bound.allowed) expectAcceptance(await judgeValue(at, value));
    });
  }
});

describe('the cases', () => {
  it('are each for a rule that is there', () => {
    const stale = ruleCases.filter(
      (one) =>
        !rules.some((demand) => pathText(demand.path) === one.path && ruleOf(demand).message.startsWith(one.says)),
    );
    const unused = formCases.filter((form) => !sentences.some((sentence) => sentence.startsWith(form.says)));
    expect([...stale, ...unused].map((one) => one.says)).toEqual([]);
  });
});
