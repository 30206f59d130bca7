// `threads.mjs SOCKET`: four worker threads that verify keys; one that is stopped is replaced.
import { createServer } from 'node:http';
import { Worker, isMainThread, parentPort } from 'node:worker_threads';
import { paramsOf, nameOf, verified } from './engine.mjs';

const waiting = new Map();
const workers = [];

function start() {
  const worker = new Worker(new URL(import.meta.url));
  const name = nameOf(worker.threadId);
  worker.on('message', ({ number, answer }) => {
    waiting.get(number).response.end(JSON.stringify(answer));
    waiting.delete(number);
  });
  worker.on('exit', () => {
    for (const [number, { by, response }] of waiting) {
      if (by !== name) continue;
      response.destroy();
      waiting.delete(number);
    }
  });
  return Object.assign(worker, { pid: name });
}

if (isMainThread) {
  for (let worker = 0; worker < 4; worker += 1) workers.push(start());
  let calls = 0;
  const server = createServer(({ url }, response) => {
    const { pathname, key, pid } = paramsOf(url);
    if (pathname === '/stop') {
      const stopped = workers.findIndex((worker) => worker.pid === pid);
      workers.splice(stopped, 1, start())[0].terminate();
      response.end('{}');
      return;
    }
    calls += 1;
    const worker = workers[calls % workers.length];
    waiting.set(calls, { by: worker.pid, response });
    worker.postMessage({ number: calls, key });
  });
  server.keepAliveTimeout = 60_000;
  server.listen(process.argv[2]);
} else {
  parentPort.on('message', async ({ number, key }) => {
    parentPort.postMessage({ number, answer: await verified(key) });
  });
}
