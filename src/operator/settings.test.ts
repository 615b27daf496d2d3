import { expect, test } from 'vitest';
import { readSettings } from './settings.ts';

test('namespaces are separated by commas, and none means all', () => {
  const read = (LOCO_NAMESPACES?: string) =>
    readSettings({ LOCO_DEFAULT_IMAGE: 'i', LOCO_NAMESPACES }, 'host').namespaces;
  expect(read(' a, b,')).toEqual(['a', 'b']);
  expect(read()).toEqual([]);
});

test('a missing image is told with the name of the variable', () => {
  expect(() => readSettings({}, 'host')).toThrow(/LOCO_DEFAULT_IMAGE/);
});
