import { z } from 'zod';
import { dataKey, objectName, textOf } from '../field.ts';
import { rules } from '../rule.ts';

const REGISTRY = '([A-Za-z0-9]([-A-Za-z0-9.]*[A-Za-z0-9])?|\\[[0-9a-fA-F:.]+\\])(:[0-9]+)?';
const COMPONENT = '[a-z0-9]+((\\.|_|__|-+)[a-z0-9]+)*';
const TAG = ':[A-Za-z0-9_][-A-Za-z0-9_.]{0,127}';
const DIGEST = '@sha256:[0-9a-f]{64}';

/** A container image: the registry, the tag and the digest may be left out, as everywhere in Kubernetes. */
export const imageReference = textOf({
  description:
    "The image with QEMU and the agent, and perhaps with a disk built in. Left out: the image of the operator's own release. A change takes effect when a machine's pod is replaced.",
  max: 512,
  pattern: new RegExp(`^(${REGISTRY}/)?${COMPONENT}(/${COMPONENT})*(${TAG})?(${DIGEST})?$`),
  message:
    'must be an image reference such as ghcr.io/mroie/qemu-loco:1.0.0, without https:// and without capital letters in the repository',
});

const snapshotReference = textOf({
  description:
    'The snapshot: registry/repository:tag or registry/repository@sha256:digest. A tag is resolved once, and its digest is kept in the status: a tag that moves later changes no machine. To take what the tag is by then, for disks that are made from then on: kubectl annotate emulator NAME --overwrite loco.mroie.github.io/resolve-snapshot=$(date +%s).',
  max: 512,
  pattern: new RegExp(`^${REGISTRY}/${COMPONENT}(/${COMPONENT})*((${TAG})(${DIGEST})?|${DIGEST})$`),
  message:
    'must be registry/repository:tag or registry/repository@sha256:<64 hexadecimal digits>, such as ghcr.io/mroie/qemu-snapshots:win98-base: give the registry and a tag or digest, no https:// and no capital letters in the repository',
});

const absolutePath = (description: string, example: string) =>
  textOf({
    description,
    max: 1024,
    pattern: /^(\/[^/\s]+)+$/,
    message: `must be the absolute path of a file, such as ${example}, without spaces`,
  });

const registrySchema = z
  .object({
    plainHTTP: z.boolean().default(false).meta({
      description:
        'Talk to the registry without TLS. For registries inside a trusted network only: credentials and disks can be read and changed on the way.',
    }),
    caBundleRef: z
      .object({
        name: objectName('Name of the ConfigMap, in the namespace of the Emulator.', 'a ConfigMap'),
        key: dataKey('Key in it that holds the certificates, as PEM.'),
      })
      .meta({
        description:
          "Certificates that the registry's own may be signed by, besides the public authorities: a key of a ConfigMap.",
      })
      .optional(),
  })
  .meta({
    description: 'How to talk to the registry.',
    ...rules({
      rule: '!self.plainHTTP || !has(self.caBundleRef)',
      message:
        'plainHTTP means no TLS, so no certificate is ever checked: remove disk.snapshot.registry.caBundleRef, or set plainHTTP to false',
      fieldPath: '.caBundleRef',
      reason: 'FieldValueForbidden',
    }),
  });

const snapshotSchema = z.object({
  reference: snapshotReference,
  path: absolutePath(
    'Path of the disk inside the snapshot, where that is a container image with several files that could be it.',
    '/snapshot.qcow2',
  ).optional(),
  pullSecretRef: z
    .object({
      name: objectName(
        'Name of the Secret, of type kubernetes.io/dockerconfigjson, in the namespace of the Emulator.',
        'a Secret of type kubernetes.io/dockerconfigjson',
      ),
    })
    .meta({
      description:
        'Credentials for the registry. They are read again at each attempt: put right, the machine goes on by itself.',
    })
    .optional(),
  registry: registrySchema.prefault({}),
});

export const diskSchema = z
  .object({
    source: z
      .enum(['Auto', 'Builtin', 'Snapshot', 'Import'])
      .default('Auto')
      .meta({
        description:
          'What fills a disk that is not there yet; a disk that is on the volume always wins. ' +
          'Auto: the first that the storage mode allows and that is there: the built-in disk, then the snapshot, then (Persistent only) an import. ' +
          'Builtin, Snapshot, Import: this one and no other. Import waits for a disk on standard input; the message of a machine that waits has the line to paste. ' +
          'Which one it was stands in the status.',
      }),
    builtinPath: absolutePath(
      'Path of the disk built into the image.',
      '/opt/builtin-images/win98.qcow2.builtin',
    ).default('/opt/builtin-images/win98.qcow2.builtin'),
    onCorruption: z
      .enum(['Fail', 'Reprovision'])
      .default('Fail')
      .meta({
        description:
          'What becomes of a disk that is found damaged when a machine starts. ' +
          'Fail: it stays where it is, and the machine waits for somebody to repair or remove it. ' +
          'Reprovision: it is moved into .loco/quarantine on its volume, where nothing deletes it, and the volume is filled anew; what the guest had written is then on the damaged disk alone.',
      }),
    snapshot: snapshotSchema
      .meta({
        description:
          'A disk in a registry. Required for Hybrid, possible for Ephemeral, refused for Persistent, which never downloads anything.',
      })
      .optional(),
  })
  .meta({
    description: "What a machine's disk is made from.",
    ...rules({
      rule: "self.source != 'Snapshot' || has(self.snapshot)",
      message: 'disk.source Snapshot needs disk.snapshot.reference: add it, or set disk.source to Auto',
      fieldPath: '.snapshot',
      reason: 'FieldValueRequired',
    }),
  });
