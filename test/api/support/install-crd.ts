import { setTimeout } from 'node:timers/promises';
import type { ApiServer } from './api-server.ts';
import { crd } from './root.ts';

const NAME = crd.metadata.name;
const PATH = `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${NAME}`;

interface Condition {
  readonly type: string;
  readonly status: string;
}

/** Applies the CRD as it is generated, and returns when the API server serves it. */
export async function installCrd(server: ApiServer): Promise<void> {
  await server.mustCall({
    method: 'PATCH',
    path: `${PATH}?fieldManager=loco-api-test&force=true`,
    body: crd,
    contentType: 'application/apply-patch+yaml',
  });
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const found = (await server.mustCall({ method: 'GET', path: PATH })) as { status?: { conditions?: Condition[] } };
    const established = found.status?.conditions?.some(
      ({ type, status }) => type === 'Established' && status === 'True',
    );
    if (established === true) return;
    await setTimeout(100);
  }
  throw new Error(`the API server does not serve ${NAME} ten seconds after it was applied`);
}
