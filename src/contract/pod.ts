/** Names that the pod's renderer and the programs inside the pod must agree on. */

export const INIT_CONTAINER = 'init-disk-image';
export const MAIN_CONTAINER = 'emulator';

/** TCP ports of the pod. */
export const PORTS = { agent: 8080, vnc: 5901, vncWebSocket: 5701 } as const;

/** User and group of everything in the pod. */
export const POD_USER = 10001;

export const PATHS = {
  /** The disk's volume. */
  images: '/images',
  disk: '/images/win98.qcow2',
  plan: '/etc/loco/plan/plan.json',
  agentToken: '/etc/loco/agent/token',
  vncPassword: '/etc/loco/vnc/password',
  /** A docker `config.json`; absent without a pull secret. */
  registryConfig: '/etc/loco/registry/config.json',
  /** PEM certificates that the registry's chain may end in, besides the system's; absent without a CA bundle. */
  registryCA: '/etc/loco/registry-ca/ca.crt',
  /** Sockets; an emptyDir. */
  run: '/run/loco',
} as const;

/** Environment variables of both containers. */
export const ENVIRONMENT = {
  podName: 'POD_NAME',
  podNamespace: 'POD_NAMESPACE',
  podUid: 'POD_UID',
  podIP: 'POD_IP',
  emulatorName: 'EMULATOR_NAME',
  machine: 'LOCO_MACHINE',
} as const;
