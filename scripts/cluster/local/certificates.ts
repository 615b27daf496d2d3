import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { type Addresses, type Layout, REGISTRY_HOST } from './layout.ts';

/** A certificate to be made. */
export interface CertificateRequest {
  /** File name without ending. */
  readonly name: string;
  readonly authority: 'ca' | 'registry-ca';
  readonly subject: string;
  readonly usage: readonly ('clientAuth' | 'serverAuth')[];
  readonly alternativeNames?: readonly string[];
}

/** Who speaks to the API server as whom; the groups and names are Kubernetes' own. */
const CLIENTS: Readonly<Record<string, string>> = {
  admin: '/O=system:masters/CN=kubernetes-admin',
  'kube-controller-manager': '/CN=system:kube-controller-manager',
  'kube-scheduler': '/CN=system:kube-scheduler',
  'kube-proxy': '/CN=system:kube-proxy',
  coredns: '/O=system:masters/CN=coredns',
  'local-path-provisioner': '/O=system:masters/CN=local-path-provisioner',
};

const AUTHORITIES: Readonly<Record<CertificateRequest['authority'], string>> = {
  ca: '/CN=kubernetes',
  'registry-ca': '/CN=loco test registry',
};

/** Names of the clients that get a kubeconfig. */
export const KUBECONFIG_CLIENTS: readonly string[] = [...Object.keys(CLIENTS), 'kubelet'];

/** The certificate of a client; `subject` says who it is to Kubernetes: its groups (O) and its name (CN). */
export function clientRequest(name: string, subject: string): CertificateRequest {
  return { name, authority: 'ca', subject, usage: ['clientAuth'] };
}

/** The API server's own; also good at the loopback address, where a proxy may stand before it. */
export function apiServerRequest(addresses: Addresses): CertificateRequest {
  const kubernetes = ['kubernetes', 'kubernetes.default', 'kubernetes.default.svc'];
  return {
    name: 'apiserver',
    authority: 'ca',
    subject: '/CN=kube-apiserver',
    usage: ['serverAuth'],
    alternativeNames: [
      ...[...kubernetes, 'kubernetes.default.svc.cluster.local'].map((name) => `DNS:${name}`),
      ...[addresses.node, addresses.host, addresses.kubernetesService, '127.0.0.1'].map((address) => `IP:${address}`),
    ],
  };
}

/** A kubelet's, for what it asks and for what it is asked. */
export function kubeletRequest(node: string, addresses: Addresses): CertificateRequest {
  return {
    name: 'kubelet',
    authority: 'ca',
    subject: `/O=system:nodes/CN=system:node:${node}`,
    usage: ['clientAuth', 'serverAuth'],
    alternativeNames: [`DNS:${node}`, `IP:${addresses.node}`],
  };
}

/** Every certificate of a local cluster. */
export function certificateRequests(node: string, addresses: Addresses): readonly CertificateRequest[] {
  return [
    ...Object.entries(CLIENTS).map(([name, subject]) => clientRequest(name, subject)),
    apiServerRequest(addresses),
    kubeletRequest(node, addresses),
    {
      name: 'registry',
      authority: 'registry-ca',
      subject: `/CN=${REGISTRY_HOST}`,
      usage: ['serverAuth'],
      alternativeNames: [`DNS:${REGISTRY_HOST}`, `IP:${addresses.node}`],
    },
  ];
}

const DAYS = '3650';
const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

async function createAuthority(folder: string, name: string, subject: string): Promise<void> {
  const key = join(folder, `${name}.key`);
  const out = join(folder, `${name}.crt`);
  await execa('openssl', ['req', '-x509', ...newKey, '-keyout', key, '-out', out, '-days', DAYS, '-subj', subject]);
}

async function createCertificate(folder: string, request: CertificateRequest): Promise<void> {
  const file = (ending: string, name = request.name) => join(folder, `${name}.${ending}`);
  const names = request.alternativeNames;
  await writeFile(
    file('ext'),
    `extendedKeyUsage=${request.usage.join(',')}\n${names === undefined ? '' : `subjectAltName=${names.join(',')}\n`}`,
  );
  await execa('openssl', ['req', ...newKey, '-keyout', file('key'), '-out', file('csr'), '-subj', request.subject]);
  const authority = ['-CA', file('crt', request.authority), '-CAkey', file('key', request.authority)];
  // A random serial number, so that certificates can be made side by side without a shared counter file.
  const serial = ['-set_serial', `0x${crypto.randomUUID().replaceAll('-', '').slice(0, 16)}`];
  const rest = ['-in', file('csr'), '-out', file('crt'), '-days', DAYS, '-extfile', file('ext')];
  await execa('openssl', ['x509', '-req', ...authority, ...serial, ...rest]);
}

/** Makes these certificates with the authorities that they need, and the key that signs service account tokens. */
export async function createCertificates(layout: Layout, requests: readonly CertificateRequest[]): Promise<void> {
  const folder = layout.pki;
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const authorities = [...new Set(requests.map(({ authority }) => authority))];
  await Promise.all(authorities.map((name) => createAuthority(folder, name, AUTHORITIES[name])));
  await Promise.all(requests.map((request) => createCertificate(folder, request)));
  const key = join(folder, 'service-account.key');
  await execa('openssl', ['ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', key]);
  await execa('openssl', ['pkey', '-in', key, '-pubout', '-out', join(folder, 'service-account.pub')]);
}

/** One PEM file of the cluster. */
export async function readPem(layout: Layout, file: string): Promise<string> {
  return readFile(join(layout.pki, file), 'utf8');
}
