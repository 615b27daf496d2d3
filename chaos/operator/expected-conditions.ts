import type { EmulatorSpec } from '../../src/api/emulator/schema.ts';
import type { VariantName } from './variants.ts';

/** `Status/Reason` of conditions by their type. What isn't named may be anything. */
export type ExpectedConditions = Readonly<Record<string, string>>;

/** What the conditions depend on besides how the Emulator was meant. */
export interface Circumstances {
  readonly spec: Pick<EmulatorSpec, 'powerState' | 'replicas' | 'storage' | 'disk'>;
  /** A pod is older than the newest pod template. */
  readonly hasOldPod: boolean;
}

const GOING_ON = { Stalled: 'False/NotStalled' } as const;
const SETTLED = { ...GOING_ON, Reconciling: 'False/UpToDate' } as const;
const UNDER_WAY = { ...GOING_ON, Reconciling: 'True/Progressing' } as const;

const stalled = (reason: string): ExpectedConditions => ({
  Ready: `False/${reason}`,
  Reconciling: `False/${reason}`,
  Stalled: `True/${reason}`,
});

/** Emulators that never get machines, and why. */
const WITHOUT_MACHINES: Partial<Record<VariantName, ExpectedConditions>> = {
  smallMemory: stalled('MemoryLimitTooSmall'),
  nameTaken: stalled('NameTaken'),
  unmanaged: { ...UNDER_WAY, Ready: 'False/MachinesNotReady', DisksReady: 'False/Preparing' },
  claimMissing: { ...UNDER_WAY, Ready: 'False/ClaimNotFound', DisksReady: 'False/ClaimNotFound' },
};

/** Does the operator make machines for an Emulator of this kind? */
export function hasMachines(variant: VariantName): boolean {
  return WITHOUT_MACHINES[variant] === undefined;
}

/** What the conditions of an Emulator have to be when everything is quiet. */
export function expectedConditions(variant: VariantName, { spec, hasOldPod }: Circumstances): ExpectedConditions {
  const without = WITHOUT_MACHINES[variant];
  if (without !== undefined) return without;
  if (spec.powerState === 'Stopped') return { ...SETTLED, ...lasting(spec), Ready: 'False/Stopped' };
  if (spec.replicas === 0) return { ...SETTLED, ...lasting(spec), Ready: 'True/NoMachinesWanted' };
  return {
    ...SETTLED,
    ...lasting(spec),
    Ready: 'True/MachinesReady',
    DisksReady: 'True/DisksPrepared',
    DisksWritable: 'True/DisksWritable',
    RestartRequired: hasOldPod ? 'True/TemplateChanged' : 'False/UpToDate',
  };
}

/** What is so whether machines run or not. */
function lasting({ storage, disk }: Circumstances['spec']): ExpectedConditions {
  const ownClaims = storage.mode !== 'Ephemeral' && storage.existingClaim === undefined;
  return {
    ...(disk.snapshot === undefined ? {} : { SnapshotResolved: 'True/Resolved' }),
    ...(ownClaims ? { VolumesResized: 'True/UpToDate' } : {}),
  };
}
