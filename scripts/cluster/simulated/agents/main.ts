import { Api } from './api.ts';
import { Machines } from './machines.ts';
import { serveAgents } from './server.ts';
import { Volumes } from './volumes.ts';

// Stands in for the agents of all pods of a simulated cluster, and for whoever provisions its volumes.
// Arguments: a kubeconfig, and the port that the agents listen on.
const [kubeconfig = '', port = ''] = process.argv.slice(2);
const api = await Api.open(kubeconfig);
const volumes = new Volumes(api);
const machines = new Machines(volumes.claims);
serveAgents(machines, Number(port));
await Promise.all([api.follow('/api/v1/persistentvolumeclaims', volumes), api.follow('/api/v1/pods', machines)]);
