// A key manager on the backend of a core.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BadRequestError, GatekeeperCore, initKeyManager } from 'gatekeeper-native';
import {
  created,
  databaseOf,
  DEFAULT_TENANT,
  endpoints,
  onCore,
  rootKeyOf,
  secret,
  serve,
} from './helpers/support.mjs';

test('a core and its key manager share one database in memory', async () => {
  const { core, keyManager } = onCore();
  const made = await created(keyManager, 'user', ['PRO'], { ownerId: 'user 7' });
  assert.equal((await core.keys.get(made.id)).ownerId, 'user 7');
  assert.equal((await keyManager.verifyUserAPIKey(made.apiKey, 'GET_TASKS')).remaining, 999);

  const { apiKey, plainTextKey } = await core.keys.create({ tenantId: DEFAULT_TENANT, name: 'server' });
  assert.equal(keyManager.verifyUserAPIKeySync(plainTextKey, 'GET_TASKS').name, 'server');
  await core.keys.revoke(apiKey.id);
  assert.equal(keyManager.verifyUserAPIKeySync(plainTextKey, 'GET_TASKS').keyValid, false);
});

test('key managers on one core count in the same windows', async () => {
  const { core, keyManager } = onCore();
  const another = initKeyManager({ core, endpoints });
  const { apiKey } = await created(keyManager, 'user');
  assert.equal(keyManager.verifyUserAPIKeySync(apiKey, 'GET_TASKS').remaining, 9);
  assert.equal(another.verifyUserAPIKeySync(apiKey, 'GET_TASKS').remaining, 8);
});

test('without a root key it acts as the operator, even if the core is anonymous or has a token', async () => {
  const anonymous = new GatekeeperCore({ baseUrl: 'memory:', secret });
  for (const core of [anonymous, anonymous.withToken('no token'), anonymous.withClientAddress('192.0.2.1')]) {
    const keyManager = initKeyManager({ core, endpoints });
    const { apiKey } = await created(keyManager, 'user');
    const { ok, tenantId } = await keyManager.verifyUserAPIKey(apiKey, 'GET_TASKS');
    assert.deepEqual([ok, tenantId], [true, DEFAULT_TENANT]);
  }
});

test('it accepts the keys of the tenants that it names', async () => {
  const { core, keyManager } = onCore();
  const { id: tenantId } = await core.tenants.create('Acme Inc');
  const { plainTextKey } = await core.keys.create({ tenantId });
  const ofAcme = initKeyManager({ core, endpoints, tenants: [tenantId] });
  assert.equal(ofAcme.verifyUserAPIKeySync(plainTextKey, 'GET_TASKS').tenantId, tenantId);
  assert.equal(keyManager.verifyUserAPIKeySync(plainTextKey, 'GET_TASKS').keyValid, false);
});

test('with a root key it acts for the tenant of that key', async (t) => {
  const path = databaseOf(t);
  const { rootKey, tenantId } = await rootKeyOf(path, 'Acme Inc');
  const { core } = onCore({ baseUrl: path });
  const keyManager = initKeyManager({ core, rootAPIKey: rootKey, endpoints });
  const { apiKey, id } = await created(keyManager, 'user');
  assert.equal((await core.keys.get(id)).tenantId, tenantId);
  assert.equal((await keyManager.verifyUserAPIKey(apiKey, 'GET_TASKS')).tenantId, tenantId);
  for (const [rootAPIKey, error] of [
    ['', 'apiTokenNotPresent'],
    ['gkr_wrong', 'invalidAPIToken'],
  ]) {
    const rejected = await initKeyManager({ core, rootAPIKey, endpoints }).createUserAPIKey('user');
    assert.equal(rejected.error, error);
  }
});

test('on the core of a server it needs a root key, as with its URL', async (t) => {
  const path = databaseOf(t);
  const { rootKey, tenantId } = await rootKeyOf(path, 'Acme Inc');
  const core = new GatekeeperCore({ baseUrl: await serve(t, path), token: rootKey });
  const without = await initKeyManager({ core, endpoints }).createUserAPIKey('user');
  assert.equal(without.error, 'authorizationHeaderNotPresent');
  const keyManager = initKeyManager({ core, rootAPIKey: rootKey, endpoints });
  const { apiKey } = await created(keyManager, 'user');
  assert.equal((await keyManager.verifyUserAPIKey(apiKey, 'GET_TASKS')).tenantId, tenantId);
  assert.throws(
    () => keyManager.verifyUserAPIKeySync(apiKey, 'GET_TASKS'),
    /cannot be used with a remote server/,
  );
});

test('it has advance if the clock of the core is a manual one, and both see one time', async () => {
  const { core, keyManager } = onCore({ clock: 'manual' });
  const { apiKey, id } = await created(keyManager, 'user', [], { expiresInSeconds: 60 });
  keyManager.advance(59_999);
  assert.equal((await keyManager.verifyUserAPIKey(apiKey, 'GET_TASKS')).ok, true);
  core.advance(1);
  assert.equal((await keyManager.verifyUserAPIKey(apiKey, 'GET_TASKS')).keyValid, false);
  assert.equal((await core.keys.get(id)).status, 'expired');
  assert.ok(!('advance' in onCore().keyManager));
});

test('the options of the core, and a URL, are rejected by name', () => {
  const { core } = onCore();
  const ofCore = {
    cacheKeys: 5,
    cacheUnknownKeys: 5,
    create: false,
    clock: 'manual',
    timeout: 5,
    maxRetries: 1,
    defaultHeaders: {},
    userAgent: 'me/1',
  };
  const rejects = (options, message) =>
    assert.throws(
      () => initKeyManager({ core, endpoints, ...options }),
      (error) => error instanceof BadRequestError && message.test(error.message),
      String(message),
    );
  for (const [name, value] of Object.entries(ofCore)) {
    rejects({ [name]: value }, new RegExp(`^${name} is an option of the core: give it to GatekeeperCore`));
    rejects({ [name]: null }, new RegExp(`^${name} `));
  }
  rejects({ url: 'memory:' }, /^url and core exclude each other/);
  rejects({ operator: true }, /^operator is not an option of initKeyManager/);
  rejects({ endpoints: 5 }, /^endpoints/);
  initKeyManager({ core, endpoints, url: undefined, clock: undefined, cacheKeys: undefined });
});

test('another value than an open core is rejected', async () => {
  for (const core of [null, {}, 'memory:', 5, new Proxy({}, { has: () => assert.fail('boo') })]) {
    assert.throws(() => initKeyManager({ core, endpoints }), /^BadRequestError: core/);
  }
  const { core, keyManager } = onCore();
  await core.close();
  assert.throws(() => initKeyManager({ core, endpoints }), /^BadRequestError: this core is closed/);
  await created(keyManager, 'user');
});
