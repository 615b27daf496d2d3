import process from 'node:process';
import { CoreV1Api, KubeConfig, makeInformer, type V1Pod } from '@kubernetes/client-node';

/**
 * client-node's informer of pods against the server at the first argument. Each thing that it
 * tells its handlers is a line of JSON. With `throw` as the second argument a handler throws when it hears of `broken`;
 * with `restart` an informer that reported an error is started again after 100 ms, which is up to its user.
 *
 * When nothing is left that could ever ask the server again, the process ends, with code 0.
 */
const [server = '', how] = process.argv.slice(2);
const config = new KubeConfig();
config.loadFromClusterAndUser({ name: 'c', server, skipTLSVerify: true }, { name: 'u' });
const api = config.makeApiClient(CoreV1Api);
const informer = makeInformer(config, '/api/v1/namespaces/n/pods', () => api.listNamespacedPod({ namespace: 'n' }));

const say = (what: string, about: unknown): void => {
  process.stdout.write(`${JSON.stringify({ what, about: String(about) })}\n`);
};

for (const verb of ['add', 'update', 'delete'] as const) {
  informer.on(verb, (pod: V1Pod) => {
    if (how === 'throw' && pod.metadata?.name === 'broken') throw new Error('broken handler');
    say(verb, pod.metadata?.name);
  });
}
informer.on('error', (error: { code?: number; statusCode?: number; message?: string }) => {
  say('error', error.code ?? error.statusCode ?? error.message);
  if (how === 'restart') setTimeout(() => informer.start(), 100);
});
await informer.start();
