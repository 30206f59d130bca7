import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GatekeeperError, initKeyManager } from 'gatekeeper-native';
import { created, DEFAULT_TENANT, endpoints, inMemory, onCore } from './helpers/support.mjs';

const INVALID = { success: true, keyValid: false, ok: false };

test('the result for a valid key has its limit, owner and roles, sync and async', async () => {
  const keyManager = inMemory();
  const metadata = { plan: 'pro', tags: ['a'] };
  const options = { ownerId: 'owner 1', name: 'the name', metadata };
  const { apiKey, id } = await created(keyManager, 'user', ['TEAM', 'PRO', 'TEAM'], options);
  const before = Math.floor(Date.now() / 1000);
  for (const result of [
    await keyManager.verifyUserAPIKey(apiKey, 'GET_TASKS', ['one']),
    keyManager.verifyUserAPIKeySync(apiKey, 'GET_TASKS', ['two']),
  ]) {
    const { reset, resetAfterMs, ...rest } = result;
    assert.deepEqual(rest, {
      success: true,
      keyValid: true,
      ok: true,
      code: 'valid',
      remaining: 999,
      total: 1000,
      retryAfterMs: 0,
      windowMs: 60_000,
      keyId: id,
      tenantId: DEFAULT_TENANT,
      ownerId: 'owner 1',
      name: 'the name',
      roles: ['PRO', 'TEAM'],
      role: 'PRO',
      scopes: [],
      metadata,
    });
    // A window of more than 128 requests rounds their times up to 1/128 of its length.
    assert.ok(resetAfterMs > 59_000 && resetAfterMs <= 60_000 + 469, String(resetAfterMs));
    assert.ok(Number.isInteger(reset) && reset >= before + 60 && reset <= before + 63, String(reset));
  }
});

test('the default limit has no role, and a key without an owner no owner', async () => {
  const keyManager = inMemory();
  const { apiKey } = await created(keyManager, 'user');
  // The first verification reads the database; the second one uses the cache.
  for (let round = 0; round < 2; round += 1) {
    const { role, roles, ownerId, name, scopes, metadata, total } = await keyManager.verifyUserAPIKey(
      apiKey,
      'GET_TASKS',
    );
    assert.deepEqual({ role, roles, ownerId, total }, { role: null, roles: [], ownerId: null, total: 10 });
    assert.deepEqual({ name, scopes, metadata }, { name: null, scopes: [], metadata: null });
  }
});

test('an identity of any text is returned as it was given, from the database and from the cache', async () => {
  const { core, keyManager } = onCore();
  const texts = ['', ':', 'a:b', 'é😀', '"\\', ':[["x",null,[]],null]', '\u2028', `${'x'.repeat(255)}:`];
  for (const text of texts) {
    const metadata = JSON.parse(`{"__proto__": {"a": 1}, "list": [[], {}], "text": ${JSON.stringify(text)}}`);
    const { plainTextKey, apiKey } = await core.keys.create({
      tenantId: DEFAULT_TENANT,
      ownerId: text,
      name: text,
      metadata,
      scopes: ['a:b', 'é', '"[]"'],
    });
    for (let round = 0; round < 2; round += 1) {
      const result = keyManager.verifyUserAPIKeySync(plainTextKey, 'GET_TASKS');
      const { keyId, tenantId, ownerId, name, scopes } = result;
      assert.deepEqual([keyId, tenantId, ownerId, name], [apiKey.id, DEFAULT_TENANT, text, text]);
      assert.deepEqual(scopes, ['"[]"', 'a:b', 'é']);
      assert.deepEqual(Object.entries(result.metadata), Object.entries(metadata));
    }
  }
});

test('a changed key has its new name, scopes and metadata at the next verification', async () => {
  const { core, keyManager } = onCore();
  const made = await core.keys.create({ tenantId: DEFAULT_TENANT, name: 'old', metadata: { old: true } });
  const verified = () => {
    const { name, scopes, metadata } = keyManager.verifyUserAPIKeySync(made.plainTextKey, 'GET_TASKS');
    return { name, scopes, metadata };
  };
  assert.deepEqual(verified(), { name: 'old', scopes: [], metadata: { old: true } });
  await core.keys.update(made.apiKey.id, { name: 'new', scopes: ['read'], metadata: null });
  assert.deepEqual(verified(), { name: 'new', scopes: ['read'], metadata: null });
});

test('more keys with long metadata than are cached keep theirs', async () => {
  const keyManager = inMemory();
  const text = 'x'.repeat(2000);
  const keys = Array.from({ length: 600 }, (_, number) =>
    keyManager.createUserAPIKeySync('user', [], { metadata: { number, text } }),
  );
  for (let round = 0; round < 3; round += 1) {
    keys.forEach(({ apiKey, id }, number) => {
      const { keyId, metadata } = keyManager.verifyUserAPIKeySync(apiKey, 'GET_TASKS');
      assert.deepEqual([keyId, metadata], [id, { number, text }]);
    });
  }
});

test('the 11th request of 10 is denied, per variable, with the time to wait', async () => {
  const keyManager = inMemory({ clock: 'manual' });
  const { apiKey } = await created(keyManager, 'user');
  for (let left = 9; left >= 0; left -= 1) {
    const { ok, remaining } = await keyManager.verifyUserAPIKey(apiKey, 'GET_TASKS', ['a']);
    assert.deepEqual({ ok, remaining }, { ok: true, remaining: left });
  }
  const rejected = await keyManager.verifyUserAPIKey(apiKey, 'GET_TASKS', ['a']);
  assert.equal(rejected.ok, false);
  assert.equal(rejected.keyValid, true);
  assert.equal(rejected.retryAfterMs, 60_000);
  assert.equal((await keyManager.verifyUserAPIKey(apiKey, 'GET_TASKS', ['b'])).remaining, 9);

  keyManager.advance(59_999);
  assert.equal(keyManager.verifyUserAPIKeySync(apiKey, 'GET_TASKS', ['a']).retryAfterMs, 1);
  keyManager.advance(1);
  assert.equal(keyManager.verifyUserAPIKeySync(apiKey, 'GET_TASKS', ['a']).ok, true);
});

test('different lists of variables have different windows', async () => {
  const keyManager = inMemory();
  const { apiKey } = await created(keyManager, 'user');
  const lists = [
    [],
    [''],
    ['', ''],
    ['a', 'b'],
    ['a_b'],
    ['ab'],
    ['b', 'a'],
    ['1:a', 'b'],
    ['1:a1:b'],
    ['é', '😀'],
    ['é😀', ''],
  ];
  lists.push(['a\0b'], ['a', '\0b'], ['\uFFFD'], ['x'.repeat(8192)], ['x'.repeat(300), 'é'.repeat(300)]);
  for (const list of lists) {
    assert.equal(
      keyManager.verifyUserAPIKeySync(apiKey, 'GET_TASKS', list).remaining,
      9,
      JSON.stringify(list),
    );
  }
  for (const list of lists) {
    assert.equal(
      (await keyManager.verifyUserAPIKey(apiKey, 'GET_TASKS', list)).remaining,
      8,
      JSON.stringify(list),
    );
  }
});

/** Whether a value and everything in it is frozen. */
const isDeeplyFrozen = (value) =>
  typeof value !== 'object' || (Object.isFrozen(value) && Object.values(value ?? {}).every(isDeeplyFrozen));

test('results are deeply frozen plain data', async () => {
  const keyManager = inMemory();
  const made = await created(keyManager, 'user', ['PRO'], { metadata: { list: [{ deep: [1] }] } });
  const results = [
    made,
    await keyManager.verifyUserAPIKey(made.apiKey, 'GET_TASKS'),
    keyManager.verifyUserAPIKeySync(made.apiKey, 'GET_TASKS'),
    await keyManager.verifyUserAPIKey(made.apiKey, 'GET_TASKS', [], { scopes: ['read'] }),
    await keyManager.verifyUserAPIKey('user_x', 'GET_TASKS'),
    await keyManager.verifyUserAPIKey(made.apiKey, 'NOWHERE'),
    await keyManager.rotateUserAPIKey(made.id),
    await keyManager.addRoles(made.id, ['TEAM']),
    await keyManager.removeRoles(made.id, ['TEAM']),
    await keyManager.deleteUserAPIKey(made.id),
  ];
  for (const result of results) {
    assert.ok(isDeeplyFrozen(result));
    assert.equal(Object.getPrototypeOf(result), Object.prototype);
    assert.deepEqual(JSON.parse(JSON.stringify(result)), result);
  }
  assert.ok(Object.isFrozen(keyManager));
});

test('every result has the fields of the contract', async () => {
  const { createUserAPIKey, verifyUserAPIKey, rotateUserAPIKey, deleteUserAPIKey, addRoles, removeRoles } =
    inMemory();
  const { success, apiKey, id, roles } = await createUserAPIKey('user', ['B', 'A', 'B']);
  assert.deepEqual({ success, roles }, { success: true, roles: ['A', 'B'] });
  assert.match(apiKey, /^user_[1-9A-HJ-NP-Za-km-z]{34}$/);
  assert.match(id, /^key_[0-9a-z]{26}$/);

  assert.deepEqual(await addRoles(id, ['B', 'C', 'D']), { success: true, count: 2 });
  assert.deepEqual(await removeRoles(id, ['A', 'Z']), { success: true, count: 1 });
  assert.deepEqual((await verifyUserAPIKey(apiKey, 'GET_TASKS')).roles, ['B', 'C', 'D']);

  const { apikey, ...rotated } = await rotateUserAPIKey(id);
  assert.deepEqual(rotated, { success: true, id });
  assert.deepEqual(await verifyUserAPIKey(apiKey, 'GET_TASKS'), INVALID);
  assert.equal((await verifyUserAPIKey(apikey, 'GET_TASKS')).remaining, 8, 'what was used stays used');

  assert.deepEqual(await deleteUserAPIKey(id), { success: true, id });
  assert.deepEqual(await verifyUserAPIKey(apikey, 'GET_TASKS'), INVALID);
});

test('the Sync functions do the same on this thread', () => {
  const keyManager = inMemory();
  const { apiKey, id } = keyManager.createUserAPIKeySync('user');
  assert.deepEqual(keyManager.addRolesSync(id, ['PRO']), { success: true, count: 1 });
  assert.equal(keyManager.verifyUserAPIKeySync(apiKey, 'GET_TASKS').role, 'PRO');
  assert.deepEqual(keyManager.removeRolesSync(id, ['PRO']), { success: true, count: 1 });
  assert.equal(keyManager.verifyUserAPIKeySync(apiKey, 'GET_TASKS').role, null);
  const { apikey } = keyManager.rotateUserAPIKeySync(id);
  assert.deepEqual(keyManager.verifyUserAPIKeySync(apiKey, 'GET_TASKS'), INVALID);
  assert.equal(keyManager.verifyUserAPIKeySync(apikey, 'GET_TASKS').ok, true);
  assert.deepEqual(keyManager.deleteUserAPIKeySync(id), { success: true, id });
  assert.equal(keyManager.deleteUserAPIKeySync(id).error, 'invalidId');
});

test('more keys than the cache holds keep their identities', async () => {
  const keyManager = inMemory({ cacheKeys: 100_000 });
  const keys = Array.from({ length: 40_000 }, (_, owner) =>
    keyManager.createUserAPIKeySync('user', [], { ownerId: `${owner}` }),
  );
  for (let round = 0; round < 2; round += 1) {
    keys.forEach(({ apiKey, id }, owner) => {
      const { keyId, ownerId } = keyManager.verifyUserAPIKeySync(apiKey, 'GET_TASKS');
      assert.deepEqual([keyId, ownerId], [id, `${owner}`]);
    });
  }
});

test('a key is invalid after its expiry', async () => {
  const { createUserAPIKey, verifyUserAPIKey, advance } = inMemory({ clock: 'manual' });
  const { apiKey } = await createUserAPIKey('user', [], { expiresInSeconds: 60 });
  advance(59_999);
  assert.equal((await verifyUserAPIKey(apiKey, 'GET_TASKS')).ok, true);
  advance(1);
  assert.deepEqual(await verifyUserAPIKey(apiKey, 'GET_TASKS'), INVALID);
});

test('advance accepts whole milliseconds, and exists only with the manual clock', () => {
  const { advance } = inMemory({ clock: 'manual' });
  for (const ms of [-1, 0.5, NaN, Infinity, 2 ** 53, '1', null, undefined, 1n]) {
    assert.throws(() => advance(ms), { name: 'BadRequestError', code: 'bad_request', status: 400 });
  }
  advance(0);
  advance(2 ** 53 - 1);
  assert.ok(!('advance' in inMemory()));
  assert.throws(() => initKeyManager({ endpoints, clock: 'manual' }), GatekeeperError);
});

test('each memory URL is a new database', async () => {
  const { apiKey } = await created(inMemory(), 'user');
  assert.deepEqual(await inMemory().verifyUserAPIKey(apiKey, 'GET_TASKS'), INVALID);
});

test('a limit as text counts like the object it stands for', async () => {
  const keyManager = initKeyManager({
    url: 'memory:',
    clock: 'manual',
    endpoints: { GET: { default: '1/15 minutes', roles: { PRO: '2/hour' } } },
  });
  const [plain, pro] = [await created(keyManager, 'user'), await created(keyManager, 'user', ['PRO'])];
  const verify = (apiKey) => keyManager.verifyUserAPIKeySync(apiKey, 'GET');
  assert.deepEqual([verify(plain.apiKey).ok, verify(plain.apiKey).ok], [true, false]);
  const { ok, total, windowMs } = verify(pro.apiKey);
  assert.deepEqual([ok, total, windowMs], [true, 2, 3_600_000]);
  keyManager.advance(15 * 60_000);
  assert.ok(verify(plain.apiKey).ok);
  assert.throws(
    () => initKeyManager({ url: 'memory:', endpoints: { GET: { default: '10/fortnight' } } }),
    /^BadRequestError: endpoints\.GET\.default must be a text such as "10\/minute"/,
  );
});
