// The demo's Node program: reads calls from standard input and prints results, as lines of JSON.

import { createInterface } from 'node:readline';
import { initKeyManager } from 'gatekeeper-native';

const [url, endpoints] = process.argv.slice(2);
const keys = initKeyManager({ url, endpoints: JSON.parse(endpoints) });

/** Verifies a key this many times, and returns how many were admitted. */
function burst(key, endpoint, calls) {
  let admitted = 0;
  for (let call = 0; call < calls; call += 1) admitted += keys.verifyUserAPIKeySync(key, endpoint, []).ok;
  return { admitted };
}

const calls = {
  create: keys.createUserAPIKey,
  verify: keys.verifyUserAPIKey,
  rotate: keys.rotateUserAPIKey,
  delete: keys.deleteUserAPIKey,
  burst,
};

for await (const line of createInterface({ input: process.stdin })) {
  const [call, ...given] = JSON.parse(line);
  console.log(JSON.stringify(await calls[call](...given)));
}
