/** The direction of imports, as docs/architecture.md draws it. */
const pureOperator = '^src/operator/[^/]+/(render|checks|decide|status|reasons)';

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'api-and-contract-stand-alone',
      comment: 'Schemas know nothing of who uses them.',
      severity: 'error',
      from: { path: '^src/(api|contract)/' },
      to: { path: '^src/', pathNot: '^src/(api|contract)/' },
    },
    {
      name: 'api-and-contract-do-no-input-or-output',
      severity: 'error',
      from: { path: '^src/(api|contract)/' },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'the-kubernetes-runtime-knows-nothing-of-emulators',
      severity: 'error',
      from: { path: '^src/kube/' },
      to: { path: '^src/', pathNot: '^src/kube/' },
    },
    {
      name: 'registry-access-knows-neither-operator-nor-agent',
      severity: 'error',
      from: { path: '^src/oci/' },
      to: { path: '^src/', pathNot: '^src/(oci|contract)/' },
    },
    {
      name: 'the-agent-knows-nothing-of-kubernetes',
      severity: 'error',
      from: { path: '^src/agent/' },
      to: { path: '^(src/(kube|operator|api)/|node_modules/@kubernetes/)' },
    },
    {
      name: 'the-operator-reaches-the-agent-through-the-contract',
      severity: 'error',
      from: { path: '^src/operator/' },
      to: { path: '^src/agent/' },
    },
    {
      name: 'policy-is-pure',
      comment: 'Rendering and deciding neither read nor write; the controller does.',
      severity: 'error',
      from: { path: pureOperator },
      to: {
        dependencyTypesNot: ['type-only'],
        path: '^(fs|http|https|net|child_process|node_modules/@kubernetes/|src/oci/|src/operator/[^/]+/(controller|machines/channel))',
      },
    },
    {
      name: 'the-product-does-not-need-its-scripts-and-tests',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '^(scripts|test|bench|chaos)/' },
    },
    { name: 'resolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    parser: 'swc',
    tsPreCompilationDeps: true,
    // The parser doesn't know `await using`, which tests use.
    exclude: { path: '\\.test\\.ts$' },
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: {
      extensions: ['.ts', '.mjs', '.js', '.json'],
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default'],
    },
  },
};
