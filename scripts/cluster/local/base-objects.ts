import { helperPod, storageConfiguration } from './configurations.ts';
import type { Addresses, Layout } from './layout.ts';

/** CoreDNS runs beside the kubelet, so its Service names the node as what is behind it. */
function dns(addresses: Addresses): readonly object[] {
  const ports = [
    { name: 'dns', protocol: 'UDP', port: 53 },
    { name: 'dns-tcp', protocol: 'TCP', port: 53 },
  ];
  const metadata = { name: 'kube-dns', namespace: 'kube-system' };
  return [
    { apiVersion: 'v1', kind: 'Service', metadata, spec: { clusterIP: addresses.dnsService, ports } },
    {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { ...metadata, labels: { 'kubernetes.io/service-name': 'kube-dns' } },
      addressType: 'IPv4',
      ports,
      endpoints: [{ addresses: [addresses.node], conditions: { ready: true } }],
    },
  ];
}

function storage(layout: Layout): readonly object[] {
  const namespace = 'local-path-storage';
  return [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } },
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'local-path-config', namespace },
      data: {
        'config.json': storageConfiguration(layout),
        'helperPod.yaml': helperPod,
        setup: '#!/bin/sh\nset -eu\nmkdir -m 0777 -p "$VOL_DIR"\n',
        teardown: '#!/bin/sh\nset -eu\nrm -rf "$VOL_DIR"\n',
      },
    },
    {
      apiVersion: 'storage.k8s.io/v1',
      kind: 'StorageClass',
      metadata: { name: 'standard', annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } },
      provisioner: 'rancher.io/local-path',
      reclaimPolicy: 'Delete',
      volumeBindingMode: 'WaitForFirstConsumer',
    },
  ];
}

/** What every cluster has from the start: names and storage. */
export function baseObjects(layout: Layout, addresses: Addresses): object {
  return { apiVersion: 'v1', kind: 'List', items: [...dns(addresses), ...storage(layout)] };
}
