import { expect, test } from 'vitest';
import { cpuMsOf, readCpuMs, readMemory, statusBytes } from './process-cost.ts';

const stat = (name: string) => `4242 (${name}) S 1 4242 4242 0 -1 4194560 900 0 0 0 123 45 0 0 20 0 12 0 5000 1 2`;

test.each(['node', 'a (strange) name'])('processor time is user and system time of a process called %s', (name) => {
  expect(cpuMsOf(stat(name))).toBe((123 + 45) * 10);
});

test('memory is read in bytes', () => {
  const status = 'Name:\tnode\nVmHWM:\t  150000 kB\nVmRSS:\t  100 kB\n';
  expect(statusBytes('VmHWM', status)).toBe(150_000 * 1024);
  expect(statusBytes('VmRSS', status)).toBe(100 * 1024);
  expect(() => statusBytes('VmRSS', 'Name:\tgone\n')).toThrow('no VmRSS');
});

test('a process of this machine has used both', async () => {
  const { now, peak } = await readMemory(process.pid);
  expect(peak).toBeGreaterThanOrEqual(now);
  expect(await readCpuMs(process.pid)).toBeGreaterThan(0);
});
