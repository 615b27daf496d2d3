import { describe, expect, it } from 'vitest';
import { INIT_CONTAINER, PORTS } from '../../src/contract/pod.ts';
import { chartFolder, helm } from './render.ts';

/** What Helm prints after an installation with these settings. */
async function notes(...settings: string[]): Promise<string> {
  const flags = settings.flatMap((setting) => ['--set-json', setting]);
  const result = await helm('install', 'loco', chartFolder, '-n', 'machines', '--dry-run=client', ...flags);
  expect(result.exitCode, result.all).toBe(0);
  return result.stdout.slice(result.stdout.indexOf('NOTES:'));
}

describe('the notes after an installation', () => {
  it('of the operator alone lead to a first Emulator', async () => {
    const text = await notes();
    expect(text).toContain('No Emulator was asked for');
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

  it('with an ephemeral Emulator say what is lost, and speak of no import', async () => {
    const text = await notes('emulator.usePrebuiltSnapshot=true');
    expect(text).toContain('everything on its disk is gone when its pod goes');
    expect(text).not.toContain('loco-agent import');
  });

  it('print the password from the Secret that the Emulator names', async () => {
    expect(await notes('emulator.create=true')).toContain('get secret win98-vnc ');
    const own = await notes('emulator.spec.display.vnc.passwordSecretRef={"name":"mine","key":"word"}');
    expect(own).toContain(`get secret mine -o go-template='{{index .data "word" | base64decode}}'`);
  });
});
