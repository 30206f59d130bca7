// The tenants whose keys a key manager accepts.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import {
  AuthService,
  BadRequestError,
  GatekeeperCore,
  initKeyManager,
  KeysService,
  TenantsService,
} from 'gatekeeper-native';
import { created, databaseOf, endpoints, inMemory, rootKeyOf, secret } from './helpers/support.mjs';

const INVALID = { success: true, keyValid: false, ok: false };

/** Signs up, creates a tenant, and in it a key with every claim that a key can have. */
async function attack(url) {
  const core = new GatekeeperCore({ baseUrl: url, secret });
  const signup = { email: 'mallory@example.com', password: 'a long password' };
  core.setToken((await new AuthService(core).signup(signup)).accessToken);
  const tenant = await new TenantsService(core).create('Acme Inc');
  const { plainTextKey } = await new KeysService(core).create({
    tenantId: tenant.id,
    roles: ['PRO'],
    scopes: ['*:*'],
    ownerId: 'somebody else',
  });
  return { tenantId: tenant.id, foreign: plainTextKey };
}

test('a key manager accepts the keys of its tenants, and by default of the tenant default', async (t) => {
  const url = databaseOf(t);
  const { tenantId, foreign } = await attack(url);
  const { apiKey: own } = await created(initKeyManager({ url, endpoints }), 'user');
  for (const [tenants, acceptsOwn, acceptsForeign] of [
    [undefined, true, false],
    [['default'], true, false],
    [[tenantId], false, true],
    [['default', tenantId], true, true],
    ['all', true, true],
  ]) {
    const keyManager = initKeyManager({ url, endpoints, tenants });
    for (const [key, isAccepted] of [
      [own, acceptsOwn],
      [foreign, acceptsForeign],
    ]) {
      const later = await keyManager.verifyUserAPIKey(key, 'GET_TASKS');
      assert.equal(later.keyValid, isAccepted, `${tenants}`);
      assert.equal(keyManager.verifyUserAPIKeySync(key, 'GET_TASKS').keyValid, isAccepted, `${tenants}`);
      if (!isAccepted) assert.deepEqual(later, INVALID);
    }
  }
});

test('a valid key of another tenant warns the operator and is invalid to the caller', async (t) => {
  const url = databaseOf(t);
  const { foreign } = await attack(url);
  const keyManager = initKeyManager({ url, endpoints });
  const warnings = [];
  const listen = (warning) => warnings.push(warning);
  process.on('warning', listen);
  t.after(() => process.off('warning', listen));
  assert.deepEqual(keyManager.verifyUserAPIKeySync('no key', 'GET_TASKS'), INVALID);
  const warned = once(process, 'warning');
  for (let time = 0; time < 3; time += 1) {
    assert.deepEqual(keyManager.verifyUserAPIKeySync(foreign, 'GET_TASKS'), INVALID);
  }
  const [warning] = await warned;
  assert.equal(warning.name, 'GatekeeperWarning');
  assert.match(warning.message, /`tenants` of the key manager/);
  assert.ok(!warning.message.includes(foreign));
  assert.equal(warnings.length, 1);
});

test('a value that names no tenants is rejected, and not repeated', () => {
  for (const tenants of [
    'default',
    'canary',
    [],
    ['canary'],
    ['all'],
    [7],
    7,
    true,
    {},
    null,
    ['default', null],
    () => {},
  ]) {
    assert.throws(
      () => inMemory({ tenants }),
      (error) => {
        assert.ok(error instanceof BadRequestError);
        assert.match(error.message, /^tenants must be "all" or a list of 1 to 1000 tenants/);
        return !error.message.includes('canary');
      },
      String(tenants),
    );
  }
});

test('tenants are rejected with a root key and with a server', async (t) => {
  const url = databaseOf(t);
  const { rootKey } = await rootKeyOf(url, 'Acme Inc');
  for (const backend of [{ url, rootAPIKey: rootKey }, { url: 'http://127.0.0.1:9' }]) {
    assert.throws(
      () => initKeyManager({ endpoints, tenants: ['default'], ...backend }),
      /tenants: a root key accepts the keys of its own tenant/,
    );
  }
});
