import type { Cluster } from './cluster.ts';

interface Rule {
  readonly apiGroups?: readonly string[];
  readonly resources?: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly verbs: readonly string[];
}
interface Binding {
  readonly metadata: { readonly namespace?: string };
  readonly roleRef: { readonly kind: string; readonly name: string };
  readonly subjects?: readonly { readonly kind: string; readonly name: string; readonly namespace?: string }[];
}

/** A right as one line: verb, resource and API group, such as `patch emulators/status.loco.mroie.github.io`. */
export function right(verb: string, resource: string, group: string): string {
  return `${verb} ${resource}${group === '' ? '' : `.${group}`}`;
}

/** Every right that a service account is given by name, by whatever roles it is bound to. */
export async function grantedRights(
  cluster: Cluster,
  account: { name: string; namespace: string },
): Promise<Set<string>> {
  const list = ['get', 'clusterrolebindings,rolebindings', '--all-namespaces', '-o', 'json'];
  const { items } = JSON.parse((await cluster.kubectl(list)).stdout) as { items: Binding[] };
  const isBound = ({ subjects = [] }: Binding) =>
    subjects.some(
      ({ kind, name, namespace }) =>
        kind === 'ServiceAccount' && name === account.name && namespace === account.namespace,
    );
  const rules = await Promise.all(items.filter(isBound).map((binding) => rulesOf(cluster, binding)));
  const rights = rules
    .flat()
    .flatMap(({ apiGroups = [], resources = [], verbs }) =>
      apiGroups.flatMap((group) => resources.flatMap((resource) => verbs.map((verb) => right(verb, resource, group)))),
    );
  return new Set(rights);
}

async function rulesOf(cluster: Cluster, { metadata, roleRef }: Binding): Promise<readonly Rule[]> {
  const where = roleRef.kind === 'Role' ? ['-n', metadata.namespace ?? ''] : [];
  const role = await cluster.kubectl([...where, 'get', roleRef.kind, roleRef.name, '-o', 'json']);
  return (JSON.parse(role.stdout) as { rules: Rule[] | null }).rules ?? [];
}
