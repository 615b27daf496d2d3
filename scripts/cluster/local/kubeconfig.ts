/** What a client needs to reach the API server; certificates and keys in PEM. */
export interface Credentials {
  readonly server: string;
  readonly authority: string;
  readonly certificate: string;
  readonly key: string;
}

const base64 = (text: string) => Buffer.from(text).toString('base64');

/** A kubeconfig with everything inside, so that it can be copied elsewhere. `name` names its context. */
export function renderKubeconfig(name: string, credentials: Credentials): string {
  return `${JSON.stringify(
    {
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [
        { name, cluster: { server: credentials.server, 'certificate-authority-data': base64(credentials.authority) } },
      ],
      users: [
        {
          name,
          user: {
            'client-certificate-data': base64(credentials.certificate),
            'client-key-data': base64(credentials.key),
          },
        },
      ],
      contexts: [{ name, context: { cluster: name, user: name } }],
      'current-context': name,
    },
    undefined,
    2,
  )}\n`;
}
