// `cluster.mjs SOCKET`: four `cluster` processes that verify keys; one that dies is replaced.
import cluster from 'node:cluster';
import { createServer } from 'node:http';
import { paramsOf, verified } from './engine.mjs';

// The kernel distributes connections. If Node does, a connection to a worker that was just killed hangs forever.
cluster.schedulingPolicy = cluster.SCHED_NONE;

if (cluster.isPrimary) {
  cluster.on('exit', () => cluster.fork());
  for (let worker = 0; worker < 4; worker += 1) cluster.fork();
} else {
  const server = createServer(async (request, response) => {
    response.end(JSON.stringify(await verified(paramsOf(request.url).key)));
  });
  server.keepAliveTimeout = 60_000;
  server.listen(process.argv[2]);
}
