import { expect, test } from 'vitest';
import { readSettings } from './settings.ts';

test('namespaces are separated by commas, and none means all', () => {
  const read = (LOCO_NAMESPACES?: string) =>
    readSettings({ LOCO_DEFAULT_IMAGE: 'i', LOCO_NAMESPACES }, 'host').namespaces;
  expect(read(' a, b,')).toEqual(['a', 'b']);
  expect(read()).toEqual([]);
});

test('the operator knows its own pods by namespace and labels, or not at all', () => {
  const read = (more: object) => readSettings({ LOCO_DEFAULT_IMAGE: 'i', ...more }, 'host').operatorPods;
  const LOCO_OPERATOR_POD_LABELS = 'app.kubernetes.io/name=loco-operator, a=b';
  expect(read({ POD_NAMESPACE: 'n', LOCO_OPERATOR_POD_LABELS })).toEqual({
    namespace: 'n',
    labels: { 'app.kubernetes.io/name': 'loco-operator', a: 'b' },
  });
  expect(read({ LOCO_OPERATOR_POD_LABELS })).toBeUndefined();
  expect(read({ POD_NAMESPACE: 'n' })).toBeUndefined();
  expect(() => read({ LOCO_OPERATOR_POD_LABELS: 'nonsense' })).toThrow(/LOCO_OPERATOR_POD_LABELS.*key=value/);
});

test('a missing image is told with the name of the variable', () => {
  expect(() => readSettings({}, 'host')).toThrow(/LOCO_DEFAULT_IMAGE/);
});
