// Verifies one key a given number of times, sync and async in turn.
import { parentPort, workerData } from 'node:worker_threads';
import { initKeyManager } from 'gatekeeper-native';
import { endpoints as usual } from './support.mjs';

const { url, apiKey, calls, endpoints = usual } = workerData;
const keyManager = initKeyManager({ url, endpoints });

let valid = 0;
let admitted = 0;
for (let call = 0; call < calls; call += 1) {
  const result =
    call % 2 === 0
      ? await keyManager.verifyUserAPIKey(apiKey, 'GET_TASKS', ['shared'])
      : keyManager.verifyUserAPIKeySync(apiKey, 'GET_TASKS', ['shared']);
  valid += Number(result.keyValid);
  admitted += Number(result.ok);
  if (calls === Infinity) await keyManager.createUserAPIKey('worker');
}
parentPort.postMessage({ valid, admitted });
