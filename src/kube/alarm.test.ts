import { expect, test } from 'vitest';
import { Alarm } from './alarm.ts';

test('requests that fall silent one after the other ring once in 15 s, and the first one at once', () => {
  let now = 1_000;
  const alarm = new Alarm(() => now);
  const heard: number[] = [];
  alarm.onRing(() => heard.push(now));
  for (; now < 32_000; now += 1_000) alarm.ring(now);
  expect(heard).toEqual([1_000, 16_000, 31_000]);
});

test('who does not listen any more hears nothing', () => {
  const alarm = new Alarm(() => 0);
  const heard: number[] = [];
  const end = alarm.onRing((since) => heard.push(since));
  end();
  alarm.ring(0);
  expect(heard).toEqual([]);
});
