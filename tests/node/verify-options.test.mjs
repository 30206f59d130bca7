// The options of a verification: required scopes, the cost, and the client address.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BadRequestError, initKeyManager } from 'gatekeeper-native';
import {
  created,
  databaseOf,
  DEFAULT_TENANT,
  endpoints,
  inMemory,
  native,
  onCore,
  rootKeyOf,
  serve,
} from './helpers/support.mjs';

const LONE = '\ud800';

/** A key manager and a key with scopes. */
async function withScopes(scopes) {
  const { core, keyManager } = onCore();
  const { plainTextKey } = await core.keys.create({ tenantId: DEFAULT_TENANT, scopes });
  return { ...keyManager, core, key: plainTextKey };
}

test('a key with all required scopes is admitted', async () => {
  const { verifyUserAPIKey, verifyUserAPIKeySync, key } = await withScopes(['read', 'write']);
  for (const scopes of [[], ['read'], ['write', 'read'], ['read', 'read']]) {
    for (const result of [
      await verifyUserAPIKey(key, 'GET_TASKS', ['a'], { scopes }),
      verifyUserAPIKeySync(key, 'GET_TASKS', ['a'], { scopes }),
    ]) {
      assert.deepEqual([result.ok, result.code, result.scopes], [true, 'valid', ['read', 'write']]);
    }
  }
  assert.equal(verifyUserAPIKeySync(key, 'GET_TASKS', ['a']).remaining, 1);
});

test('a key without a required scope is rejected with its identity, and nothing is counted', async () => {
  const { core, keyManager } = onCore();
  const made = await core.keys.create({
    tenantId: DEFAULT_TENANT,
    ownerId: 'user 7',
    name: 'server',
    roles: ['PRO'],
    scopes: ['read'],
    metadata: { plan: 'pro' },
  });
  const given = [made.plainTextKey, 'GET_TASKS', [], { scopes: ['read', 'write'] }];
  const expected = {
    success: true,
    keyValid: true,
    ok: false,
    code: 'insufficient_scope',
    remaining: 0,
    total: 0,
    reset: 0,
    retryAfterMs: 0,
    windowMs: 0,
    resetAfterMs: 0,
    keyId: made.apiKey.id,
    tenantId: DEFAULT_TENANT,
    ownerId: 'user 7',
    name: 'server',
    roles: ['PRO'],
    role: null,
    scopes: ['read'],
    metadata: { plan: 'pro' },
  };
  // The first call reads the key from the database.
  for (let round = 0; round < 3; round += 1) {
    assert.deepEqual(await keyManager.verifyUserAPIKey(...given), expected);
    assert.deepEqual(keyManager.verifyUserAPIKeySync(...given), expected);
  }
  assert.equal(keyManager.verifyUserAPIKeySync(made.plainTextKey, 'GET_TASKS').remaining, 999);
});

test('an invalid key is invalid whatever the options', async () => {
  const { verifyUserAPIKey, verifyUserAPIKeySync } = inMemory();
  const invalid = { success: true, keyValid: false, ok: false };
  const options = { scopes: ['read'], cost: 2, clientAddress: '192.0.2.1' };
  for (const key of ['', null, 'user_x', 'user_2esjVpufvRRQPudf1J4hnq8dHZ674eSVcJ']) {
    assert.deepEqual(await verifyUserAPIKey(key, 'GET_TASKS', [], options), invalid);
    assert.deepEqual(verifyUserAPIKeySync(key, 'GET_TASKS', [], options), invalid);
  }
});

test('a request counts as its cost, all or none', async () => {
  const keyManager = inMemory();
  const { apiKey } = await created(keyManager, 'user');
  const costing = (cost) => {
    const { ok, code, remaining } = keyManager.verifyUserAPIKeySync(apiKey, 'GET_TASKS', ['a'], { cost });
    return { ok, code, remaining };
  };
  assert.deepEqual(costing(4), { ok: true, code: 'valid', remaining: 6 });
  assert.deepEqual(costing(7), { ok: false, code: 'rate_limited', remaining: 6 });
  assert.deepEqual(costing(undefined), { ok: true, code: 'valid', remaining: 5 });
  assert.deepEqual(costing(5), { ok: true, code: 'valid', remaining: 0 });
  assert.equal((await keyManager.verifyUserAPIKey(apiKey, 'GET_TASKS', ['b'], { cost: 10 })).remaining, 0);
});

test('options that are empty or undefined are those of a call without them', async () => {
  const keyManager = inMemory();
  const { apiKey } = await created(keyManager, 'user');
  const all = [
    undefined,
    {},
    Object.create(null),
    { scopes: undefined, cost: undefined, clientAddress: undefined },
    { clientAddress: null },
  ];
  all.forEach((options, index) => {
    const { remaining } = keyManager.verifyUserAPIKeySync(apiKey, 'GET_TASKS', undefined, options);
    assert.equal(remaining, 9 - index);
  });
});

test('scopes, variables and the client address of any text and number stay apart', async () => {
  const scopes = ['1:a', '😀', 'é:é', 'read', 'a'.repeat(128)];
  const { verifyUserAPIKeySync, key } = await withScopes(scopes);
  const addresses = ['192.0.2.1', '2001:db8::1', '[2001:db8::1]:443', '192.0.2.1:80', undefined];
  const lists = [[], ['one'], ['2:é', 'é'], ['x'.repeat(400), '']];
  for (const variables of lists) {
    addresses.forEach((clientAddress, index) => {
      const given = [key, 'GET_TASKS', variables];
      const has = verifyUserAPIKeySync(...given, { scopes: scopes.slice(index), clientAddress });
      assert.deepEqual([has.code, has.remaining], ['valid', 9 - index]);
      const lacks = verifyUserAPIKeySync(...given, { scopes: [...scopes, 'more'], clientAddress });
      assert.equal(lacks.code, 'insufficient_scope');
    });
  }
});

const hostile = () =>
  new Proxy(
    {},
    {
      ownKeys() {
        throw new TypeError('boo');
      },
    },
  );
const { proxy: revoked, revoke } = Proxy.revocable({}, {});
revoke();
const { proxy: revokedList, revoke: revokeList } = Proxy.revocable([], {});
revokeList();

/** Options that are rejected, and what the reason names. */
const WRONG = [
  [null, /^options must be a plain object/],
  ['read', /^options must be a plain object/],
  [5n, /^options must be a plain object/],
  [[], /^options must be a plain object/],
  [['read'], /^options must be a plain object/],
  [new Map([['scopes', ['read']]]), /^options must be a plain object/],
  [() => 0, /^options must be a plain object/],
  [hostile(), /^options cannot be read/],
  [revoked, /^options cannot be read/],
  [{ scope: ['read'] }, /^options: "scope" is not an option of verifyUserAPIKey/],
  [{ [LONE]: 1 }, /^options: "\ufffd" is not an option/],
  [{ scopes: ['read'], tenants: 'all' }, /^options: "tenants" is not an option/],
  [{ scopes: null }, /^scopes must be a list of strings/],
  [{ scopes: 'read' }, /^scopes must be a list of strings/],
  [{ scopes: new Set(['read']) }, /^scopes must be a list of strings/],
  [{ scopes: revokedList }, /^scopes cannot be read/],
  [{ scopes: ['read', 5] }, /^scopes\[1\] must be a string/],
  [{ scopes: [LONE] }, /^scopes\[0\] must be a string of well-formed Unicode/],
  [{ scopes: [''] }, /^scopes/],
  [{ scopes: ['a b'] }, /^scopes/],
  [{ scopes: ['x'.repeat(129)] }, /^scopes/],
  [{ scopes: Array.from({ length: 101 }, (_, scope) => `s${scope}`) }, /^scopes/],
  [{ cost: 0 }, /^cost must be a whole number from 1/],
  [{ cost: -0 }, /^cost must be a whole number from 1/],
  [{ cost: -1 }, /^cost must be a whole number from 1/],
  [{ cost: 1.5 }, /^cost must be a whole number from 1/],
  [{ cost: NaN }, /^cost must be a whole number from 1/],
  [{ cost: Infinity }, /^cost must be a whole number from 1/],
  [{ cost: 2 ** 32 }, /^cost must be a whole number from 1 to 4294967295/],
  [{ cost: '1' }, /^cost must be a whole number from 1/],
  [{ cost: 1n }, /^cost must be a whole number from 1/],
  [{ cost: null }, /^cost must be a whole number from 1/],
  [{ cost: 11 }, /^cost must be at most 10/],
  [{ clientAddress: 5 }, /^clientAddress must be an IP address as a string, or undefined/],
  [{ clientAddress: LONE }, /^clientAddress must be an IP address as a string, or undefined/],
  [{ clientAddress: '' }, /^clientAddress must be an IP address/],
  [{ clientAddress: 'localhost' }, /^clientAddress must be an IP address/],
  [{ scopes: ['read'], clientAddress: '192.0.2.256' }, /^clientAddress must be an IP address/],
];

test('the rejection of an option names it, and nothing is counted', async () => {
  const { verifyUserAPIKey, verifyUserAPIKeySync, key } = await withScopes(['read']);
  for (const [options, reason] of WRONG) {
    for (const result of [
      await verifyUserAPIKey(key, 'GET_TASKS', [], options),
      verifyUserAPIKeySync(key, 'GET_TASKS', [], options),
    ]) {
      assert.deepEqual([result.success, result.error], [false, 'invalidBody'], String(reason));
      assert.match(result.reason, reason);
    }
  }
  assert.equal(verifyUserAPIKeySync(key, 'GET_TASKS').remaining, 9);
});

test('a wrong root key is rejected before a wrong option', async () => {
  const keyManager = inMemory({ rootAPIKey: 'gkr_wrong' });
  for (const [options] of [...WRONG, [{ scopes: ['read'] }]]) {
    const rejected = await keyManager.verifyUserAPIKey('x', 'GET_TASKS', [], options);
    assert.equal(rejected.error, 'invalidAPIToken');
    assert.equal(keyManager.verifyUserAPIKeySync('x', 'GET_TASKS', [], options).error, 'invalidAPIToken');
  }
});

test('options that verify another key while they are read do not change the verification', async () => {
  const { core, keyManager } = onCore();
  const [one, other] = [
    await core.keys.create({ tenantId: DEFAULT_TENANT, scopes: ['one'], ownerId: 'one' }),
    await core.keys.create({ tenantId: DEFAULT_TENANT, scopes: ['other'], ownerId: 'other', roles: ['PRO'] }),
  ];
  const verify = keyManager.verifyUserAPIKeySync;
  const nested = () => verify(other.plainTextKey, 'GET_TASKS', ['x', 'y'], { scopes: ['other'], cost: 3 });
  const options = {
    get scopes() {
      assert.equal(nested().ownerId, 'other');
      return ['one'];
    },
    get cost() {
      nested();
      return 2;
    },
    get clientAddress() {
      nested();
      return '192.0.2.1';
    },
  };
  const variables = new Proxy(['v'], {
    get(list, name) {
      nested();
      return Reflect.get(list, name);
    },
  });
  for (const remaining of [8, 6]) {
    const result = verify(one.plainTextKey, 'GET_TASKS', variables, options);
    assert.deepEqual([result.ok, result.ownerId, result.remaining], [true, 'one', remaining]);
    assert.deepEqual([result.scopes, result.roles], [['one'], []]);
  }
  assert.equal(verify(one.plainTextKey, 'GET_TASKS', ['v'], options).remaining, 4);
});

test('verifications that need I/O and others that do not are not mixed up', async () => {
  const { core, keyManager } = onCore();
  const owners = Array.from({ length: 50 }, (_, owner) => `${owner}`);
  const made = await Promise.all(
    owners.map((ownerId) => core.keys.create({ tenantId: DEFAULT_TENANT, ownerId, scopes: [`s${ownerId}`] })),
  );
  const cached = await created(keyManager, 'user', [], { ownerId: 'cached' });
  await keyManager.verifyUserAPIKey(cached.apiKey, 'GET_TASKS', ['cached']);
  // None of the keys is cached: each is read in the background while the others start.
  const results = await Promise.all(
    made.map(({ plainTextKey }, index) => {
      const options = { scopes: [`s${index}`], cost: (index % 10) + 1 };
      const pending = keyManager.verifyUserAPIKey(plainTextKey, 'GET_TASKS', ['v'], options);
      assert.equal(
        keyManager.verifyUserAPIKeySync(cached.apiKey, 'GET_TASKS', [`${index}`]).ownerId,
        'cached',
      );
      return pending;
    }),
  );
  results.forEach(({ ok, ownerId, remaining, scopes }, index) => {
    assert.deepEqual([ok, ownerId, remaining], [true, `${index}`, 9 - (index % 10)]);
    assert.deepEqual(scopes, [`s${index}`]);
  });
});

test('nothing is left to finish after a call without I/O', () => {
  const keyManager = new native.NativeKeyManager('memory:', null, '{}', '{}', null);
  assert.throws(() => keyManager.finishSync(), /"code":"internal"/);
});

test('the options are the same with a server as embedded', async (t) => {
  const path = databaseOf(t);
  const { rootKey, tenantId } = await rootKeyOf(path, 'Acme Inc');
  const url = await serve(t, path);
  const { core } = onCore({ baseUrl: path });
  const { plainTextKey: key } = await core.keys.create({ tenantId, scopes: ['read'], metadata: { a: [1] } });
  const [here, there] = [path, url].map((backend) =>
    initKeyManager({ url: backend, rootAPIKey: rootKey, endpoints }),
  );
  const same = async (...given) => {
    const [one, other] = [await here.verifyUserAPIKey(...given), await there.verifyUserAPIKey(...given)];
    // The two calls are at different times, and both are counted.
    const { reset, resetAfterMs, retryAfterMs, remaining } = one;
    assert.deepEqual(
      { ...other, reset, resetAfterMs, retryAfterMs, remaining },
      { ...one, reset, resetAfterMs, retryAfterMs, remaining },
    );
    assert.deepEqual(Object.keys(other), Object.keys(one));
    return { reset: other.reset, used: remaining - other.remaining, code: other.code };
  };
  const admitted = await same(key, 'GET_TASKS', ['a'], {
    scopes: ['read'],
    cost: 3,
    clientAddress: '192.0.2.1',
  });
  assert.deepEqual([admitted.code, admitted.used], ['valid', 3]);
  const { code, reset } = await same(key, 'GET_TASKS', ['a'], { scopes: ['write'] });
  assert.deepEqual([code, reset], ['insufficient_scope', 0]);
  assert.equal((await same(key, 'GET_TASKS', ['a'], { cost: 10 })).code, 'rate_limited');
  for (const [options] of WRONG) await same(key, 'GET_TASKS', [], options);
  assert.throws(() => there.verifyUserAPIKeySync(key, 'GET_TASKS', [], { cost: 2 }), BadRequestError);
});
