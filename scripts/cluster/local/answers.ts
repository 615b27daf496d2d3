import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';

/**
 * Whether a GET gets this status within two seconds. It asks for nothing secret and trusts nothing it hears, so the
 * certificate isn't checked.
 */
export async function answersWith(url: string, status: number): Promise<boolean> {
  return new Promise((resolve) => {
    const options = { timeout: 2000, agent: false };
    const request = url.startsWith('https:')
      ? requestHttps(url, { ...options, rejectUnauthorized: false })
      : requestHttp(url, options);
    request.once('response', (response) => {
      response.resume();
      resolve(response.statusCode === status);
    });
    request.once('timeout', () => request.destroy());
    request.once('error', () => resolve(false));
    request.once('close', () => resolve(false));
    request.end();
  });
}
