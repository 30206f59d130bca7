// `cluster.mjs SOCKET`: four processes of `cluster` that answer verifications; one that dies is replaced.
import cluster from 'node:cluster';
import { createServer } from 'node:http';
import { asked, verified } from './engine.mjs';

// The kernel hands out the connections. Node, if it does, leaves one waiting for ever that goes to a worker just killed.
cluster.schedulingPolicy = cluster.SCHED_NONE;

if (cluster.isPrimary) {
  cluster.on('exit', () => cluster.fork());
  for (let worker = 0; worker < 4; worker += 1) cluster.fork();
} else {
  const server = createServer(async (request, response) => {
    response.end(JSON.stringify(await verified(asked(request.url).key)));
  });
  server.keepAliveTimeout = 60_000;
  server.listen(process.argv[2]);
}
