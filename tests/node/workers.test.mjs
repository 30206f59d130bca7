import assert from 'node:assert/strict';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { initKeyManager } from 'gatekeeper-native';
import { created, databaseOf, endpoints } from './helpers/support.mjs';

const script = new URL('helpers/worker.mjs', import.meta.url);
const start = (workerData) => new Worker(script, { workerData });

test('worker threads started and ended 100 times while the main thread verifies', async (t) => {
  const url = databaseOf(t);
  const keyManager = initKeyManager({ url, endpoints });
  const { apiKey } = await created(keyManager, 'user');
  for (let round = 0; round < 25; round += 1) {
    const workers = Array.from({ length: 4 }, () => start({ url, apiKey, calls: 20 }));
    const results = workers.map((worker) => once(worker, 'message'));
    const ends = workers.map((worker) => once(worker, 'exit'));
    while (keyManager.verifyUserAPIKeySync(apiKey, 'GET_TASKS', [`${Math.random()}`]).ok && ends.length > 0) {
      await keyManager.verifyUserAPIKey(apiKey, 'GET_TASKS', ['main']);
      if ((await Promise.race([Promise.all(ends), sleep(1)])) !== undefined) break;
    }
    for (const [{ valid }] of await Promise.all(results)) assert.equal(valid, 20);
    for (const [code] of await Promise.all(ends)) assert.equal(code, 0);
  }
});

test('worker threads terminated in the middle of their calls', async (t) => {
  const url = databaseOf(t);
  const keyManager = initKeyManager({ url, endpoints });
  const { apiKey } = await created(keyManager, 'user');
  for (let round = 0; round < 20; round += 1) {
    const workers = Array.from({ length: 3 }, () => start({ url, apiKey, calls: Infinity }));
    await Promise.all(workers.map((worker) => once(worker, 'online')));
    await sleep(round * 4);
    await Promise.all(workers.map((worker) => worker.terminate()));
    assert.equal((await keyManager.verifyUserAPIKey(apiKey, 'GET_TASKS', [`${round}`])).ok, true);
  }
  await created(keyManager, 'user');
});

test('worker threads that share a file count one limit exactly together', async (t) => {
  const url = databaseOf(t);
  const limit = { GET_TASKS: { default: { maxReq: 500, duration: 600_000 } } };
  const keyManager = initKeyManager({ url, endpoints: limit });
  const { apiKey } = await created(keyManager, 'user');
  const workers = Array.from({ length: 4 }, () => start({ url, apiKey, calls: 300, endpoints: limit }));
  const results = await Promise.all(workers.map((worker) => once(worker, 'message')));
  assert.equal(
    results.reduce((sum, [{ admitted }]) => sum + admitted, 0),
    500,
  );
});
