import { describe, expect, it } from 'vitest';
import { emulatorSchema, emulatorSpecSchema } from './schema.ts';

describe('the spec of an Emulator', () => {
  it('takes no selector of screens whose form it does not know: what it lost would be everyone', () => {
    const access = (entry: object) => ({ storage: { mode: 'Persistent' }, display: { access: [entry] } });
    const expressions = { matchExpressions: [{ key: 'team', operator: 'In', values: ['a'] }] };
    for (const selector of ['podSelector', 'namespaceSelector']) {
      expect(emulatorSpecSchema.safeParse(access({ [selector]: expressions })).success).toBe(false);
      expect(emulatorSpecSchema.safeParse(access({ [selector]: {} })).success).toBe(false);
      expect(emulatorSpecSchema.safeParse(access({ [selector]: { matchLabels: {} } })).success).toBe(true);
    }
  });

  it('needs nothing but a storage mode', () => {
    expect(emulatorSpecSchema.parse({ storage: { mode: 'Persistent' } })).toEqual({
      replicas: 1,
      powerState: 'Running',
      managementPolicy: 'Managed',
      update: 'OnRestart',
      imagePullPolicy: 'IfNotPresent',
      imagePullSecrets: [],
      storage: {
        mode: 'Persistent',
        size: '4Gi',
        accessMode: 'ReadWriteOnce',
        claimTemplateName: 'win98-disk',
        retention: { whenDeleted: 'Retain', whenScaled: 'Retain' },
      },
      disk: { source: 'Auto', builtinPath: '/opt/builtin-images/win98.qcow2.builtin', onCorruption: 'Fail' },
      machine: {
        type: '',
        cpu: 'pentium2',
        memory: '512Mi',
        acceleration: 'TCG',
        kvmResourceName: '',
        video: 'std',
        sound: 'sb16',
        nic: 'ne2k_pci',
        timeZone: 'UTC',
        pointer: 'PS2',
        extraArgs: [],
      },
      display: { vnc: {}, access: [{ podSelector: { matchLabels: {} } }] },
      shutdown: { gracePeriodSeconds: 90, onGuestPowerOff: 'Restart' },
      readiness: { screen: 'Graphics' },
      pod: {
        labels: {},
        annotations: {},
        resources: {},
        maxUnavailable: 1,
        nodeSelector: {},
        tolerations: [],
        affinity: {},
        topologySpreadConstraints: [],
        priorityClassName: '',
        runtimeClassName: '',
      },
    });
  });

  it('has no storage mode that nobody chose', () => {
    expect(emulatorSpecSchema.safeParse({ storage: {} }).success).toBe(false);
  });

  it('talks TLS to a registry unless told otherwise', () => {
    const spec = emulatorSpecSchema.parse({
      storage: { mode: 'Hybrid' },
      disk: { snapshot: { reference: 'registry.example/snapshots:win98' } },
    });
    expect(spec.disk.snapshot?.registry).toEqual({ plainHTTP: false });
  });

  it('is refused with the sentence that the API server has', () => {
    const parsed = emulatorSpecSchema.safeParse({ storage: { mode: 'Persistent', size: '4GB' } });
    expect(parsed.error?.issues[0]?.message).toContain('for example "4Gi"');
  });

  it('reads bare numbers of resources as texts', () => {
    const pod = { resources: { limits: { cpu: 2, memory: '1Gi' } } };
    const parsed = emulatorSpecSchema.parse({ storage: { mode: 'Ephemeral' }, pod });
    expect(parsed.pod.resources.limits).toEqual({ cpu: '2', memory: '1Gi' });
  });

  it('hands on what only Kubernetes understands', () => {
    const tolerations = [{ key: 'dedicated', operator: 'Exists' }];
    const parsed = emulatorSpecSchema.parse({ storage: { mode: 'Ephemeral' }, pod: { tolerations } });
    expect(parsed.pod.tolerations).toEqual(tolerations);
  });
});

describe('an Emulator from the API server', () => {
  it('is read with metadata that this version does not know', () => {
    const metadata = { name: 'a', namespace: 'b', uid: 'c', managedFields: [] };
    const emulator = { apiVersion: 'x', kind: 'Emulator', metadata, spec: { storage: { mode: 'Ephemeral' } } };
    expect(emulatorSchema.parse(emulator).metadata).toEqual(metadata);
  });
});
