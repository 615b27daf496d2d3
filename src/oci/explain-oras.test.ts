import { describe, expect, test } from 'vitest';
import { explainOras } from './explain-oras.ts';

const place = { registry: 'registry.lan:5000', reference: 'registry.lan:5000/disks/win98:base' };

function explained(stderr: string) {
  return explainOras({ ok: false, stdout: '', stderr, timedOut: false }, place);
}

/** What oras 1.3.3 printed. */
describe('what oras says', () => {
  test.each([
    [
      'RegistryAuthFailed',
      'Error response from registry: HEAD "https://registry.lan:5000/v2/disks/win98/manifests/base": response status code 401: Unauthorized',
    ],
    [
      'RegistryAuthFailed',
      'Error: failed to resolve digest: basic credential not found\nPlease check whether the registry credential stored in the authentication file at "none.json" is correct',
    ],
    [
      'RegistryAuthFailed',
      'Error from source registry for "registry.lan:5000/disks/win98:base": unauthorized: authentication required: [map[Action:pull Class: Name:disks/win98 Type:repository]]',
    ],
    ['RegistryAccessDenied', 'Error response from registry: denied: requested access to the resource is denied'],
    [
      'SnapshotNotFound',
      'Error response from registry: failed to resolve digest: registry.lan:5000/disks/win98:nope: not found',
    ],
    [
      'RegistryCertificateNotTrusted',
      'Error: failed to resolve digest: Head "https://registry.lan:5000/v2/disks/win98/manifests/base": tls: failed to verify certificate: x509: certificate signed by unknown authority',
    ],
    [
      'RegistryUnreachable',
      'Error: failed to resolve digest: Head "https://registry.lan:5000/v2/": dial tcp: lookup registry.lan on 10.96.0.10:53: no such host',
    ],
    [
      'RegistryUnreachable',
      'Error: failed to resolve digest: Head "https://registry.lan:5000/v2/": dial tcp 10.0.0.1:5000: connect: connection refused',
    ],
    [
      'RegistryUnreachable',
      'Error: failed to resolve digest: Head "https://registry.lan:5000/v2/": http: server gave HTTP response to HTTPS client',
    ],
    ['RegistryThrottled', 'Error response from registry: toomanyrequests: slow down'],
    ['SnapshotDigestMismatch', 'Error: invalid OCI Image Layout: failed to decode OCI layout file: EOF'],
    ['NoSpace', 'Error: write /images/.loco/staging/l/ingest/x: no space left on device'],
    [
      'RegistryFailed',
      'Error response from registry: HEAD "https://registry.lan:5000/v2/": response status code 500: Internal Server Error',
    ],
    ['RegistryFailed', ''],
  ])('%s: %s', (reason, stderr) => {
    const failure = explained(stderr);
    expect(failure.reason).toBe(reason);
    if (reason !== 'NoSpace' && reason !== 'SnapshotDigestMismatch')
      expect(failure.message).toContain('registry.lan:5000');
    expect(failure.message.length).toBeLessThan(800);
  });
});

test('a repository whose name says "denied" is not taken for a refusal', () => {
  const stderr = 'Error response from registry: failed to resolve digest: r/denied:x509: not found';
  const failure = explainOras(
    { ok: false, stdout: '', stderr, timedOut: false },
    { registry: 'r', reference: 'r/denied:x509' },
  );
  expect(failure.reason).toBe('SnapshotNotFound');
});
