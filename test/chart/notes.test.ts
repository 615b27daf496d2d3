import { execa } from 'execa';
import { describe, expect, it } from 'vitest';
import { INIT_CONTAINER, POD_USER, PORTS } from '../../src/contract/pod.ts';
import { chartFolder, helm } from './render.ts';

/** What Helm prints after an installation with these settings. */
async function notes(...settings: string[]): Promise<string> {
  const flags = settings.flatMap((setting) => ['--set-json', setting]);
  const result = await helm('install', 'loco', chartFolder, '-n', 'machines', '--dry-run=client', ...flags);
  expect(result.exitCode, result.all).toBe(0);
  return result.stdout.slice(result.stdout.indexOf('NOTES:'));
}

const folder = 'emulator.nodeFolder={"path":"/data/win98-disk","node":"minikube"}';

describe('the notes after an installation', () => {
  it('of the operator alone lead to a first Emulator', async () => {
    const text = await notes();
    expect(text).toContain('The chart made no Emulator');
    expect(text).toContain('kubectl -n machines rollout status deployment/loco-operator');
    expect(text).toContain('kubectl -n machines apply -f -');
  });

  it('with a persistent Emulator have the line that imports a disk', async () => {
    const text = await notes('emulator.diskPVC="win98-disk"', 'emulator.name="study"');
    expect(text).toContain(
      `kubectl -n machines exec -i study-0 -c ${INIT_CONTAINER} -- loco-agent import < win98.qcow2`,
    );
    expect(text).toContain(`kubectl -n machines port-forward pod/study-0 ${PORTS.vnc}`);
  });

  it('speak of no import where the disk comes from somewhere else', async () => {
    expect(await notes('emulator.diskPVC="d"', 'emulator.spec.disk.source="Builtin"')).not.toContain(
      'loco-agent import',
    );
    const hybrid = await notes('emulator.diskPVC="d"', 'emulator.usePrebuiltSnapshot=true');
    expect(hybrid).not.toContain('loco-agent import');
    expect(hybrid).toContain('filled once and then kept');
  });

  it('with an ephemeral Emulator say what is lost, and speak of no import', async () => {
    const text = await notes('emulator.usePrebuiltSnapshot=true');
    expect(text).toContain('everything on its disk is gone when its pod goes');
    expect(text).not.toContain('loco-agent import');
  });

  it('print the password from the Secret that the Emulator names', async () => {
    expect(await notes('emulator.create=true')).toContain('get secret win98-vnc ');
    const own = await notes('emulator.spec.display.vnc.passwordSecretRef={"name":"mine","key":"word"}');
    expect(own).toContain(`get secret mine -o go-template='{{index .data "word" | base64decode}}{{"\\n"}}'`);
  });

  it('with a folder of a node begin with the line that makes it, for the user that the machine runs as', async () => {
    const text = await notes('emulator.diskPVC="win98-disk"', folder);
    const line = `sudo install -d -m 0770 -o ${POD_USER} -g ${POD_USER} /data/win98-disk`;
    expect(text).toContain(`     minikube ssh -n minikube -- ${line}\n`);
    expect(text.indexOf(line)).toBeLessThan(text.indexOf('2. '));
    const elsewhere = await notes(
      'emulator.diskPVC="d"',
      'emulator.nodeFolder={"path":"/data/win98-disk","node":"big"}',
    );
    expect(elsewhere).toContain('in a shell on the node big');
    expect(elsewhere).toContain(`     ${line}\n`);
  });

  it('warn of a folder below /tmp', async () => {
    expect(await notes('emulator.diskPVC="win98-disk"', folder)).not.toContain('/tmp');
    const there = 'emulator.nodeFolder={"path":"/tmp/win98-disk","node":"minikube"}';
    expect(await notes('emulator.diskPVC="win98-disk"', there)).toContain('empty /tmp when they start');
  });

  it('with several Emulators tell of each, and import into the one that waits for a disk', async () => {
    const entries = { ci: { usePrebuiltSnapshot: true }, teacher: { diskPVC: 'd' } };
    const text = await notes(`emulators=${JSON.stringify(entries)}`);
    expect(text).toContain('ci (Ephemeral)');
    expect(text).toContain('teacher (Persistent)');
    expect(text).toContain('get emulators --watch');
    expect(text).toContain('exec -i teacher-0 ');
    expect(text).toContain('port-forward pod/teacher-0');
  });

  it('switch on what is off, and scale what has no machine', async () => {
    const off = await notes('emulator.diskPVC="d"', 'emulator.spec.powerState="Stopped"');
    expect(off).toContain(`patch emulator win98 --type merge -p '{"spec":{"powerState":"Running"}}'`);
    expect(await notes('emulator.diskPVC="d"', 'emulator.replicas=0')).toContain('scale emulator win98 --replicas 1');
  });

  it('say which namespaces are served, and make the first Emulator in one of them', async () => {
    expect(await notes()).toContain('and serves all namespaces.');
    expect(await notes('scope.kind="Own"')).toContain('and serves machines alone.');
    const listed = await notes('scope.kind="Namespaces"', 'scope.namespaces=["school","museum"]');
    expect(listed).toContain('and serves school, museum alone.');
    expect(listed).toContain('kubectl -n school apply -f -');
    expect(listed).toContain('kubectl -n machines rollout status');
  });

  const installed: readonly [what: string, settings: readonly string[]][] = [
    ['the operator alone', []],
    ['a persistent Emulator', ['emulator.diskPVC="d"']],
    ['an ephemeral Emulator', ['emulator.create=true']],
    ['a folder of a node', ['emulator.diskPVC="d"', folder]],
    ['an Emulator that is off', ['emulator.diskPVC="d"', 'emulator.spec.powerState="Stopped"']],
    ['several Emulators', ['emulators={"a":{},"b":{"diskPVC":"d"}}']],
  ];

  it.each(installed)('of %s show three commands, which a shell can read', async (_what, settings) => {
    const text = await notes(...settings);
    expect(text.match(/^\d+\. /gm)).toEqual(['1. ', '2. ', '3. ']);
    const commands = text.split('\n').filter((line) => line.startsWith('     '));
    const script = commands.map((line) => line.slice(5)).join('\n');
    expect(script.match(/^(kubectl|minikube ssh) /gm)).toHaveLength(3);
    expect((await execa('sh', ['-n'], { input: script, reject: false, all: true })).all).toBe('');
  });
});
