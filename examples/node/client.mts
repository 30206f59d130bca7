// A client of a server. It reads the server's URL from GATEKEEPER_URL and a root key from GATEKEEPER_TOKEN.

import { GatekeeperCore, initKeyManager } from 'gatekeeper-native';

const { GATEKEEPER_URL: url, GATEKEEPER_TOKEN: rootAPIKey } = process.env;
if (!url || !rootAPIKey) throw new Error('set GATEKEEPER_URL and GATEKEEPER_TOKEN');

const { createUserAPIKey, deleteUserAPIKey } = initKeyManager({ url, rootAPIKey, endpoints: {} });
const created = await createUserAPIKey('user', [], { ownerId: 'u_42' });
if (!created.success) throw new Error(created.reason);
console.log('created a key for u_42');

const core = new GatekeeperCore({ baseUrl: url, token: rootAPIKey, timeout: 5_000 });
for (let number = 1; number <= 3; number++) {
  // The server's gatekeeper.toml defines GET_TASKS: 10 requests a minute. These cost four each.
  const verdict = await core.keys.verify(created.apiKey, 'GET_TASKS', { cost: 4 });
  console.log(`verification ${number}: ${verdict.code}, ${verdict.remaining} left`);
}
if ((await deleteUserAPIKey(created.id)).success) console.log('deleted the key');
console.log(`verification 4: ${(await core.keys.verify(created.apiKey, 'GET_TASKS')).code}`);
await core.close();
