import { describe, expect, it } from 'vitest';
import { refusal } from './render.ts';

const digest = `sha256:${'0'.repeat(64)}`;

const refused: readonly [why: string, settings: readonly string[], sentence: string | RegExp][] = [
  ['a digest that is none', ['operator.imageDigest="latest"'], /imageDigest.*pattern/],
  [
    "two digests of the operator's image",
    [`operator.image="r.example.com/o@${digest}"`, `operator.imageDigest="${digest}"`],
    'has a digest already, and operator.imageDigest=',
  ],
  [
    "two digests of the machines' image",
    [`image="r.example.com/q@${digest}"`, `imageDigest="${digest}"`],
    'has a digest already, and imageDigest=',
  ],
  ['no operator at all', ['operator.replicas=0'], /replicas.*minimum/],
  ['an API server at no port', ['operator.networkPolicy.apiServer.ports=[]'], /apiServer\/ports.*minItems/],
  ['an address that is no range', ['operator.networkPolicy.apiServer.cidrs=["10.0.0.1"]'], /cidrs.*pattern/],
  ['a peer of no kind', ['operator.networkPolicy.metricsFrom=[{"namespace":"x"}]'], "'namespace' not allowed"],
  ['a budget that is no number', ['operator.podDisruptionBudget.maxUnavailable="half"'], /maxUnavailable/],
  ['a budget under which no drain ever ends', ['operator.podDisruptionBudget.maxUnavailable=0'], /maxUnavailable/],
  ['the same as a part', ['operator.podDisruptionBudget.maxUnavailable="0%"'], /maxUnavailable/],
  ['a runbook that is no address', ['monitoring.prometheusRule.runbookUrl="docs"'], /runbookUrl.*pattern/],
];

describe("the operator's values", () => {
  it.each(refused)('are refused: %s', async (_, settings, sentence) => {
    expect(await refusal(...settings)).toMatch(sentence);
  });
});
