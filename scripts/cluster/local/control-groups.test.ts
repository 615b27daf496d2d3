import { expect, test } from 'vitest';
import { hierarchiesOf, missingControllers } from './control-groups.ts';

test('finds every hierarchy of version 1 and of version 2', () => {
  const mountinfo = [
    '24 30 0:22 / /proc rw,relatime - proc proc rw',
    '35 34 0:29 / /sys/fs/cgroup/memory rw,relatime shared:9 - cgroup cgroup rw,memory',
    '36 34 0:30 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw',
    '',
  ].join('\n');
  expect(hierarchiesOf(mountinfo)).toEqual(['/sys/fs/cgroup/memory', '/sys/fs/cgroup/unified']);
});

test('names the controllers that still have to be enabled', () => {
  expect(missingControllers('cpuset cpu io memory pids\n', 'cpu memory pids\n')).toEqual(['cpuset', 'io']);
  expect(missingControllers('\n', '')).toEqual([]);
});
