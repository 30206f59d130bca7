// Calls a server until it is terminated.
import { parentPort, workerData } from 'node:worker_threads';
import { initKeyManager } from 'gatekeeper-native';
import { endpoints } from './support.mjs';

const { url, rootAPIKey, calls } = workerData;
const { verifyUserAPIKey } = initKeyManager({ url, rootAPIKey, endpoints });

let count = 0;
for (let call = 0; call < calls; call += 1) {
  const results = await Promise.all([1, 2, 3].map(() => verifyUserAPIKey('user_xxx', 'GET_TASKS')));
  count += results.filter(({ success }) => success).length;
}
parentPort.postMessage(count);
