import http from 'node:http';
import type { OperatorMetrics } from '../kube/metrics.ts';

/** The operator's own endpoints: `/healthz` (the process answers), `/readyz` (see `readiness.ts`), `/metrics`. */
export async function startHealthServer(options: {
  port: number;
  metrics: OperatorMetrics;
  /** Undefined when ready, else what is missing. */
  notReady: () => string | undefined;
}): Promise<{ port: number; close: () => Promise<void> }> {
  const server = http.createServer((request, response) => {
    answer(request.url ?? '/', options).then(
      ({ code, text }) => response.writeHead(code, { 'Content-Type': 'text/plain; charset=utf-8' }).end(text),
      (error: unknown) => response.writeHead(500).end(String(error)),
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, resolve);
  });
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : options.port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function answer(
  url: string,
  options: { metrics: OperatorMetrics; notReady: () => string | undefined },
): Promise<{ code: number; text: string }> {
  const path = url.split('?')[0];
  if (path === '/healthz') return { code: 200, text: 'ok\n' };
  if (path === '/metrics') return { code: 200, text: await options.metrics.text() };
  if (path !== '/readyz') return { code: 404, text: 'there are /healthz, /readyz and /metrics\n' };
  const missing = options.notReady();
  return missing === undefined ? { code: 200, text: 'ok\n' } : { code: 503, text: `${missing}\n` };
}
