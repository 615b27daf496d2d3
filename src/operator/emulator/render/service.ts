import type { V1Service } from '@kubernetes/client-node';
import { PORTS } from '../../../contract/pod.ts';
import { childNames, selectorLabels } from '../names.ts';
import { childMetadata, type Owner } from './owner.ts';

/**
 * The headless Service that gives each machine a stable DNS name. It publishes machines that aren't ready, so that a
 * person can watch one over VNC that hangs in its boot.
 */
export function renderService(owner: Owner): V1Service {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: childMetadata(owner, childNames.service(owner.name)),
    spec: {
      type: 'ClusterIP',
      clusterIP: 'None',
      publishNotReadyAddresses: true,
      selector: selectorLabels(owner.name),
      ports: [
        { name: 'agent', port: PORTS.agent, targetPort: 'agent', protocol: 'TCP' },
        { name: 'vnc', port: PORTS.vnc, targetPort: 'vnc', protocol: 'TCP' },
        { name: 'vnc-websocket', port: PORTS.vncWebSocket, targetPort: 'vnc-websocket', protocol: 'TCP' },
      ],
    },
  };
}
