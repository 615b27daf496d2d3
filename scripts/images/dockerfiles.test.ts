import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { POD_USER, PORTS } from '../../src/contract/pod.ts';
import { projectFolder } from '../folders.ts';
import { OPERATOR_NODE_FLAGS } from './operator-program.ts';

const FILES = [
  {
    image: 'qemu-loco',
    copied: 'loco-agent /usr/local/bin/loco-agent',
    entrypoint: '["tini", "--", "loco-agent"]',
    ports: Object.values(PORTS),
  },
  {
    image: 'operator',
    copied: 'loco-operator /usr/local/lib/loco-operator',
    entrypoint: `[${['tini', '--', 'node', ...OPERATOR_NODE_FLAGS, '/usr/local/lib/loco-operator/main.mjs'].map((word) => `"${word}"`).join(', ')}]`,
    ports: [8081],
  },
];

describe.each(FILES)('the Dockerfile of $image', ({ image, copied, entrypoint, ports }) => {
  const text = () => readFile(path.join(projectFolder, 'images', image, 'Dockerfile'), 'utf8');

  test('runs as the user of the pods', async () => {
    expect((await text()).match(/^USER .*$/gm)).toEqual([`USER ${POD_USER}:${POD_USER}`]);
  });

  test('is built from published images unless it is told otherwise', async () => {
    expect((await text()).match(/^ARG \S+=\S+$/gm)).toEqual([
      'ARG BASE_IMAGE=docker.io/library/debian:trixie-slim',
      'ARG NODE_IMAGE=docker.io/library/node:26-trixie-slim',
    ]);
  });

  test('copies its own program last, so that a change of it makes one small layer', async () => {
    expect((await text()).match(/^(COPY|RUN) .*$/gm)?.at(-1)).toBe(`COPY ${copied}`);
    expect(await text()).toContain(`ENTRYPOINT ${entrypoint}`);
  });

  test('names the ports it listens on', async () => {
    const exposed = /^EXPOSE (.*)$/m
      .exec(await text())?.[1]
      ?.split(' ')
      .map(Number);
    expect(exposed).toEqual([...ports].sort((a, b) => a - b));
  });
});
