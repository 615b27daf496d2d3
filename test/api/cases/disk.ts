import { emulator, type Json, manifestsAt } from '../support/manifest.ts';
import { root } from '../support/root.ts';
import type { RuleCase } from '../support/rule-case.ts';

const DIGEST = `sha256:${'0a'.repeat(32)}`;

const values = (path: string, ...list: string[]) => list.map((value) => ({ create: manifestsAt(root, path)(value) }));

const registry = (settings: Json) => ({
  create: emulator({
    storage: { mode: 'Hybrid' },
    disk: { snapshot: { reference: 'registry.example/snapshots:win98', registry: settings } },
  }),
});

const BUNDLE = { name: 'my-ca', key: 'ca.crt' };

export const diskCases: readonly RuleCase[] = [
  {
    path: 'spec.image',
    says: 'must be an image reference',
    refused: values(
      'spec.image',
      '',
      'https://ghcr.io/mroie/qemu-loco',
      'ghcr.io/Mroie/qemu',
      'qemu loco',
      'qemu:',
      'a/',
    ),
    allowed: values('spec.image', 'qemu-loco', 'localhost/loco/qemu-loco:dev', `10.0.0.1:5000/qemu@${DIGEST}`),
  },
  {
    path: 'spec.disk.snapshot.reference',
    says: 'must be registry/repository:tag',
    refused: values(
      'spec.disk.snapshot.reference',
      ...['', 'registry.example/snapshots', 'snapshots:win98', 'https://registry.example/snapshots:win98'],
      ...['registry.example/Snapshots:win98', 'registry.example:5000', 'registry.example/snapshots:', 'a/b:-tag'],
      ...[`a/b@${DIGEST.slice(0, -1)}`, `a/b@${DIGEST}0`, 'a/b:one:two', `a/b:${'t'.repeat(129)}`],
    ),
    allowed: values(
      'spec.disk.snapshot.reference',
      ...['a/b:c', '10.0.0.1:5000/loco/snapshots:win98_base.1', `registry.example/snapshots@${DIGEST}`],
      ...[`registry.example/snapshots:win98@${DIGEST}`, '[fd00::1]:5000/a/b:c', `a/b:${'t'.repeat(128)}`],
    ),
  },
  {
    path: 'spec.disk.snapshot.registry',
    says: 'plainHTTP means no TLS',
    refused: [registry({ plainHTTP: true, caBundleRef: BUNDLE })],
    allowed: [registry({ plainHTTP: true }), registry({ plainHTTP: false, caBundleRef: BUNDLE })],
  },
];
