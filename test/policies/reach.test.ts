import { describe, expect, test } from 'vitest';
import { policiesOf } from './policy.ts';
import { type Answer, mayReach, type Party, type Pod, type Port } from './reach.ts';

const pod = (namespace: string, app: string, more: Partial<Pod> = {}): Pod => ({
  kind: 'pod',
  namespace,
  labels: { app },
  ...more,
});
const outside = (address: string): Party => ({ kind: 'outside', address });

const web = pod('shop', 'web', {
  address: '10.1.0.5',
  ports: [
    { name: 'http', containerPort: 8080 },
    { name: 'names', containerPort: 53, protocol: 'UDP' },
  ],
});
const database = pod('shop', 'database', { address: '10.1.0.6' });
const stranger = pod('elsewhere', 'web', { address: '10.1.0.7' });
const namespaces = { shop: { team: 'sales' }, elsewhere: { team: 'others' } };

/** One policy of the namespace `shop`. */
const policy = (spec: object): unknown => ({
  apiVersion: 'networking.k8s.io/v1',
  kind: 'NetworkPolicy',
  metadata: { name: 'tested', namespace: 'shop' },
  spec,
});

function ask(specs: readonly object[], from: Party, to: Party, port: Port = { port: 8080 }): Answer {
  return mayReach({ policies: policiesOf(specs.map(policy)), namespaces }, from, to, port);
}

const all = {};
const onlyWeb = { matchLabels: { app: 'web' } };

describe('who is selected by no policy', () => {
  test('is reached by everybody, and reaches everybody', () => {
    expect(ask([], stranger, web)).toBe('yes');
    expect(ask([{ podSelector: onlyWeb, ingress: [] }], stranger, database)).toBe('yes');
    expect(ask([{ podSelector: onlyWeb, ingress: [] }], outside('192.0.2.1'), database)).toBe('yes');
  });

  test('is not selected by a policy of another namespace', () => {
    expect(ask([{ podSelector: all }], web, stranger)).toBe('yes');
  });
});

describe('a policy isolates', () => {
  test('in one direction, and leaves the other', () => {
    const spec = { podSelector: onlyWeb, policyTypes: ['Ingress'] };
    expect(ask([spec], database, web)).toBe('no');
    expect(ask([spec], web, database)).toBe('yes');
    const out = { podSelector: onlyWeb, policyTypes: ['Egress'] };
    expect(ask([out], database, web)).toBe('yes');
    expect(ask([out], web, database)).toBe('no');
  });

  test('what comes in when it names no type, and what goes out only when it has a rule for it', () => {
    expect(ask([{ podSelector: onlyWeb }], database, web)).toBe('no');
    expect(ask([{ podSelector: onlyWeb }], web, database)).toBe('yes');
    expect(ask([{ podSelector: onlyWeb, egress: [] }], web, database)).toBe('yes');
    expect(ask([{ podSelector: onlyWeb, egress: [{ ports: [{ port: 53 }] }] }], web, database)).toBe('no');
  });

  test('nobody from itself or from its own node', () => {
    const spec = { podSelector: all, policyTypes: ['Ingress', 'Egress'] };
    expect(ask([spec], web, web)).toBe('yes');
    expect(ask([spec], { kind: 'own node' }, web)).toBe('yes');
    expect(ask([spec], web, { kind: 'own node' })).toBe('yes');
  });

  test('until both ends allow it', () => {
    const out = { podSelector: { matchLabels: { app: 'database' } }, policyTypes: ['Egress'] };
    const into = { podSelector: onlyWeb, ingress: [{}] };
    expect(ask([into], database, web)).toBe('yes');
    expect(ask([into, out], database, web)).toBe('no');
    expect(ask([into, { ...out, egress: [{}] }], database, web)).toBe('yes');
  });

  test('until one of several allows it', () => {
    const specs = [{ podSelector: all }, { podSelector: onlyWeb, ingress: [{}] }];
    expect(ask(specs, stranger, web)).toBe('yes');
    expect(ask(specs, stranger, database)).toBe('no');
  });
});

describe('a rule lets in', () => {
  const from = (...peers: object[]) => [{ podSelector: onlyWeb, ingress: [{ from: peers }] }];

  test('everybody when it names nobody', () => {
    expect(ask(from(), outside('192.0.2.1'), web)).toBe('yes');
  });

  test.each<{ peer: string; spec: object; friends: Party[]; others: Party[] }>([
    {
      peer: 'pods of its own namespace by their labels',
      spec: { podSelector: { matchLabels: { app: 'database' } } },
      friends: [database],
      others: [pod('elsewhere', 'database'), pod('shop', 'other'), outside('10.1.0.6')],
    },
    {
      peer: 'all pods of its own namespace',
      spec: { podSelector: {} },
      friends: [database, pod('shop', 'other')],
      others: [stranger],
    },
    {
      peer: 'all pods of the namespaces with a label',
      spec: { namespaceSelector: { matchLabels: { team: 'others' } } },
      friends: [stranger, pod('elsewhere', 'database')],
      others: [database, pod('unlabelled', 'web')],
    },
    {
      peer: 'all pods of a namespace by its name',
      spec: { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'unlabelled' } } },
      friends: [pod('unlabelled', 'web')],
      others: [stranger, database],
    },
    {
      peer: 'pods whose labels and whose namespace fit, not one of the two',
      spec: { namespaceSelector: { matchLabels: { team: 'others' } }, podSelector: onlyWeb },
      friends: [stranger],
      others: [pod('elsewhere', 'database'), database, pod('shop', 'web', { address: '10.1.0.9' })],
    },
    {
      peer: 'who has an address of a block, but for its exceptions',
      spec: { ipBlock: { cidr: '192.0.2.0/24', except: ['192.0.2.128/25'] } },
      friends: [outside('192.0.2.1'), outside('192.0.2.127')],
      others: [outside('192.0.2.128'), outside('192.0.3.1'), outside('2001:db8::1'), database],
    },
    {
      peer: 'who has an address of a block of version 6',
      spec: { ipBlock: { cidr: '2001:db8::/32' } },
      friends: [outside('2001:db8::1')],
      others: [outside('2001:db9::1'), outside('192.0.2.1')],
    },
    {
      peer: 'pods by expressions',
      spec: {
        podSelector: {
          matchExpressions: [
            { key: 'app', operator: 'In', values: ['database', 'cache'] },
            { key: 'old', operator: 'DoesNotExist' },
            { key: 'zone', operator: 'NotIn', values: ['far'] },
            { key: 'app', operator: 'Exists' },
          ],
        },
      },
      friends: [database, pod('shop', 'cache'), pod('shop', 'cache', { labels: { app: 'cache', zone: 'near' } })],
      others: [
        pod('shop', 'other'),
        pod('shop', 'cache', { labels: { app: 'cache', old: '' } }),
        pod('shop', 'cache', { labels: { app: 'cache', zone: 'far' } }),
      ],
    },
  ])('$peer', ({ spec, friends, others }) => {
    for (const friend of friends) expect(ask(from(spec), friend, web), JSON.stringify(friend)).toBe('yes');
    for (const other of others) expect(ask(from(spec), other, web), JSON.stringify(other)).toBe('no');
  });

  test('either of two peers', () => {
    const rule = from({ podSelector: { matchLabels: { app: 'database' } } }, { ipBlock: { cidr: '192.0.2.0/24' } });
    expect(ask(rule, database, web)).toBe('yes');
    expect(ask(rule, outside('192.0.2.1'), web)).toBe('yes');
    expect(ask(rule, stranger, web)).toBe('no');
  });

  test('a pod by its address with some enforcers and not with others', () => {
    const rule = from({ ipBlock: { cidr: '10.1.0.0/16' } });
    expect(ask(rule, stranger, web)).toBe('depends');
    expect(ask(from({ ipBlock: { cidr: '10.1.0.0/16' } }, { namespaceSelector: {} }), stranger, web)).toBe('yes');
  });
});

describe('a rule is about', () => {
  const ports = (...some: object[]) => [{ podSelector: onlyWeb, ingress: [{ ports: some }] }];

  test.each<{ what: string; port: object; meant: Port[]; others: Port[] }>([
    {
      what: 'every port of a protocol',
      port: { protocol: 'UDP' },
      meant: [{ port: 1, protocol: 'UDP' }],
      others: [{ port: 1 }],
    },
    {
      what: 'a port over TCP',
      port: { port: 80 },
      meant: [{ port: 80 }],
      others: [{ port: 81 }, { port: 80, protocol: 'UDP' }],
    },
    {
      what: 'a range of ports',
      port: { port: 80, endPort: 90 },
      meant: [{ port: 80 }, { port: 85 }, { port: 90 }],
      others: [{ port: 79 }, { port: 91 }],
    },
    {
      what: "a port by the pod's own name for it",
      port: { port: 'http' },
      meant: [{ port: 8080 }],
      others: [{ port: 80 }],
    },
    {
      what: 'a name with the protocol that it has there',
      port: { port: 'names', protocol: 'UDP' },
      meant: [{ port: 53, protocol: 'UDP' }],
      others: [{ port: 53 }],
    },
    { what: 'nothing by a name that the pod has not', port: { port: 'metrics' }, meant: [], others: [{ port: 8080 }] },
  ])('$what', ({ port, meant, others }) => {
    for (const one of meant) expect(ask(ports(port), stranger, web, one)).toBe('yes');
    for (const one of others) expect(ask(ports(port), stranger, web, one)).toBe('no');
  });

  test('its own ports with its own peers, not those of another rule', () => {
    const spec = {
      podSelector: onlyWeb,
      ingress: [
        { from: [{ podSelector: {} }], ports: [{ port: 80 }] },
        { from: [{ namespaceSelector: {} }], ports: [{ port: 81 }] },
      ],
    };
    expect(ask([spec], database, web, { port: 80 })).toBe('yes');
    expect(ask([spec], stranger, web, { port: 80 })).toBe('no');
    expect(ask([spec], stranger, web, { port: 81 })).toBe('yes');
  });

  test('no named port of somebody who is no pod', () => {
    const spec = { podSelector: onlyWeb, egress: [{ ports: [{ port: 'http' }] }] };
    expect(ask([spec], web, outside('192.0.2.1'), { port: 8080 })).toBe('no');
  });
});

describe('what the API would refuse', () => {
  test.each([
    ['a misspelt field', { podSelector: {}, ingres: [] }],
    ['a peer that selects nobody', { podSelector: {}, ingress: [{ from: [{}] }] }],
    [
      'a peer of two kinds',
      { podSelector: {}, ingress: [{ from: [{ ipBlock: { cidr: '10.0.0.0/8' }, podSelector: {} }] }] },
    ],
  ])('is no policy: %s', (_, spec) => {
    expect(() => policiesOf([policy(spec)])).toThrow();
  });
});
