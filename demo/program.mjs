// The demo's program in Node: answers calls on standard input, a line of JSON each.

import { createInterface } from 'node:readline';
import { initKeyManager } from 'gatekeeper-native';

const [url, endpoints] = process.argv.slice(2);
const keys = initKeyManager({ url, endpoints: JSON.parse(endpoints) });

/** Nanoseconds of one verification, the least of five rounds. */
function timed(key, endpoint, variables) {
  const rounds = Array.from({ length: 5 }, () => {
    const start = process.hrtime.bigint();
    for (let turn = 0; turn < 10_000; turn += 1) keys.verifyUserAPIKeySync(key, endpoint, variables);
    return Number(process.hrtime.bigint() - start) / 10_000;
  });
  return { ns: Math.min(...rounds) };
}

const calls = {
  create: keys.createUserAPIKey,
  verify: keys.verifyUserAPIKey,
  rotate: keys.rotateUserAPIKey,
  delete: keys.deleteUserAPIKey,
  time: timed,
};

for await (const line of createInterface({ input: process.stdin })) {
  const [call, ...given] = JSON.parse(line);
  console.log(JSON.stringify(await calls[call](...given)));
}
