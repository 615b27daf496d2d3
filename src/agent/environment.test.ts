import { describe, expect, it } from 'vitest';
import { agentPaths, readEnvironment, systemClock, untilAborted } from './environment.ts';

const standalone = readEnvironment({});
const machine = standalone.ok ? standalone.value.machine : undefined;
const VARIABLES = {
  POD_NAME: 'class-room-12',
  POD_NAMESPACE: 'school',
  POD_UID: 'uid',
  POD_IP: '10.0.0.1',
  EMULATOR_NAME: 'class-room',
  LOCO_MACHINE: JSON.stringify(machine),
};

describe('the environment of a machine', () => {
  it('is read from the variables of its pod', () => {
    const { podName, podNamespace, podUid, emulatorName } = {
      podName: 'class-room-12',
      podNamespace: 'school',
      podUid: 'uid',
      emulatorName: 'class-room',
    };
    expect(readEnvironment(VARIABLES)).toEqual({
      ok: true,
      value: { podName, podNamespace, podUid, emulatorName, ordinal: 12, machine },
    });
  });

  it('has defaults where the image runs alone', () => {
    expect(standalone).toMatchObject({ ok: true, value: { podName: 'win98-0', machine: { memoryMiB: 512 } } });
  });

  it.each([
    ['a pod without an ordinal', { POD_NAME: 'classroom' }, 'POD_NAME'],
    ['a missing variable', { POD_UID: undefined }, 'POD_UID'],
    ['settings that are no JSON', { LOCO_MACHINE: '{' }, 'LOCO_MACHINE: is not JSON'],
    ['settings outside the schema', { LOCO_MACHINE: '{"cpu":1}' }, 'LOCO_MACHINE.cpu'],
  ])('is refused with %s, naming the variable', (_what, change, named) => {
    const result = readEnvironment({ ...VARIABLES, ...change });
    expect(result).toMatchObject({ ok: false, failure: { reason: 'EnvironmentInvalid' } });
    expect(!result.ok && result.failure.message).toContain(named);
  });

  it('has its paths below a root', () => {
    expect(agentPaths('/tmp/x').disk).toBe('/tmp/x/images/win98.qcow2');
    expect(agentPaths().agentToken).toBe('/etc/loco/agent/token');
  });
});

describe('waiting', () => {
  it('ends early and without an error when it is aborted', async () => {
    const controller = new AbortController();
    const sleeping = systemClock.sleep(60_000, controller.signal);
    const waiting = untilAborted(controller.signal, new AbortController().signal);
    controller.abort();
    await expect(Promise.all([sleeping, waiting])).resolves.toBeDefined();
    await expect(untilAborted(controller.signal, new AbortController().signal)).resolves.toBeUndefined();
  });
});
