import assert from 'node:assert/strict';
import { test } from 'node:test';
import { initKeyManager } from 'gatekeeper-native';
import { created, databaseOf, endpoints, inMemory, rootKeyOf } from './helpers/support.mjs';

const INVALID = { success: true, keyValid: false, ok: false };
const LONE = '\ud800';
const NO_KEY = `key_${'0'.repeat(26)}`;
const NOT_ENDPOINTS = [
  'NOWHERE',
  '',
  'get_tasks',
  '__proto__',
  'constructor',
  'toString',
  LONE,
  null,
  undefined,
  5,
  5n,
  {},
  Symbol('x'),
];
const NOT_VARIABLES = [
  'task',
  [5],
  [null],
  [undefined],
  ['a', 5],
  [LONE],
  ['a', LONE],
  Array.from({ length: 2 }),
  {},
  5,
  null,
  5n,
  [5n],
  [{}],
];
NOT_VARIABLES.push(Array(1001).fill('a'), ['x'.repeat(8193)], new Set(['a']), hostile());
const NOT_ROLES = [
  'PRO',
  [5],
  [undefined],
  [5n],
  [null],
  [''],
  ['x'.repeat(129)],
  [LONE],
  {},
  5,
  null,
  5n,
  [Symbol('x')],
  [['PRO']],
  circle(),
];
NOT_ROLES.push(
  Array.from({ length: 1001 }, (_, role) => `${role}`),
  Array.from({ length: 10_000 }, (_, role) => `${role}`),
  hostile(),
);
const NOT_IDS = [
  '',
  'x',
  'key_',
  NO_KEY.toUpperCase(),
  `usr_${'0'.repeat(26)}`,
  LONE,
  5,
  5n,
  null,
  undefined,
  {},
  Symbol('x'),
];

function circle() {
  const list = [];
  list.push(list);
  return list;
}

/** A list whose own code throws. */
function hostile() {
  return new Proxy(['a'], {
    get() {
      throw new TypeError('boo');
    },
  });
}

const rejectedAs = (result, error) => {
  assert.equal(result.success, false, JSON.stringify(result));
  assert.deepEqual(Object.keys(result), ['success', 'error', 'reason']);
  assert.equal(result.error, error, result.reason);
  assert.ok(result.reason.length > 5);
};

/** The same call, async and sync. */
async function bothRejected(keyManager, name, given, error) {
  rejectedAs(await keyManager[name](...given), error);
  rejectedAs(keyManager[`${name}Sync`](...given), error);
}

test('an undefined endpoint of any name is invalidBody', async () => {
  const keyManager = inMemory();
  const { apiKey } = await created(keyManager, 'user');
  for (const endpoint of NOT_ENDPOINTS)
    await bothRejected(keyManager, 'verifyUserAPIKey', [apiKey, endpoint], 'invalidBody');
});

test('an endpoint may be called __proto__', async () => {
  const limit = { default: { maxReq: 1, duration: 1000 } };
  const keyManager = inMemory({
    endpoints: JSON.parse(JSON.stringify({ a: limit }).replace('a', '__proto__')),
  });
  const { apiKey } = await created(keyManager, 'user');
  assert.equal((await keyManager.verifyUserAPIKey(apiKey, '__proto__')).ok, true);
  assert.equal((await keyManager.verifyUserAPIKey(apiKey, 'constructor')).error, 'invalidBody');
});

test('variables that are not a list of strings are invalidBody', async () => {
  const keyManager = inMemory();
  const { apiKey } = await created(keyManager, 'user');
  for (const variables of NOT_VARIABLES) {
    await bothRejected(keyManager, 'verifyUserAPIKey', [apiKey, 'GET_TASKS', variables], 'invalidBody');
  }
  assert.equal(
    keyManager.verifyUserAPIKeySync(apiKey, 'GET_TASKS').remaining,
    9,
    'a rejection takes nothing',
  );
});

test('a request without a key has an invalid key', async () => {
  const keyManager = inMemory();
  for (const key of [null, undefined]) {
    assert.deepEqual(await keyManager.verifyUserAPIKey(key, 'GET_TASKS'), INVALID);
    assert.deepEqual(keyManager.verifyUserAPIKeySync(key, 'GET_TASKS'), INVALID);
    // The endpoint is checked first, as for any other key.
    await bothRejected(keyManager, 'verifyUserAPIKey', [key, 'NEVER_DEFINED'], 'invalidBody');
  }
});

test('a key that is not a string is invalidBody, and any string is valid or invalid', async () => {
  const keyManager = inMemory();
  const { apiKey } = await created(keyManager, 'user');
  for (const key of [5, 5n, {}, [apiKey], new String(apiKey), Symbol('x')]) {
    await bothRejected(keyManager, 'verifyUserAPIKey', [key, 'GET_TASKS'], 'invalidBody');
  }
  const wrongCheck = apiKey.slice(0, -1) + (apiKey.endsWith('1') ? '2' : '1');
  const lookAlike = [...apiKey].map((letter) => String.fromCharCode(letter.charCodeAt(0) + 0x100)).join('');
  const keys = [
    '',
    'user',
    'user_',
    wrongCheck,
    lookAlike,
    `${apiKey}\0`,
    `\0${apiKey}`,
    ` ${apiKey}`,
    `${apiKey}é`,
    apiKey + LONE,
  ];
  keys.push(
    LONE + apiKey,
    apiKey.repeat(2),
    'x'.repeat(1_000_000),
    '😀'.repeat(20),
    apiKey.toUpperCase(),
    apiKey.slice(1),
    'é'.repeat(26),
  );
  for (const key of keys) {
    assert.deepEqual(await keyManager.verifyUserAPIKey(key, 'GET_TASKS'), INVALID);
    assert.deepEqual(keyManager.verifyUserAPIKeySync(key, 'GET_TASKS'), INVALID);
  }
});

test('prefixes out of range or reserved are invalidBody', async () => {
  const keyManager = inMemory();
  const prefixes = [
    '',
    'x'.repeat(65),
    'a/b',
    'a b',
    'é',
    'a\0',
    LONE,
    'gkp',
    'gkr',
    'gkp_x',
    'gkr_x',
    null,
    undefined,
    5,
    5n,
    {},
  ];
  prefixes.push(Symbol('x'));
  for (const prefix of prefixes) await bothRejected(keyManager, 'createUserAPIKey', [prefix], 'invalidBody');
  for (const prefix of ['a', 'x'.repeat(64), 'gk_live', 'k.e~y+1-', '_a', 'a_', 'gkpx', '7'])
    await created(keyManager, prefix);
});

test('roles that are not names are invalidBody; repeated ones and any Unicode are not', async () => {
  const keyManager = inMemory();
  const { id } = await created(keyManager, 'user');
  for (const roles of NOT_ROLES) {
    await bothRejected(keyManager, 'createUserAPIKey', ['user', roles], 'invalidBody');
    await bothRejected(keyManager, 'addRoles', [id, roles], 'invalidBody');
    await bothRejected(keyManager, 'removeRoles', [id, roles], 'invalidBody');
  }
  await bothRejected(keyManager, 'addRoles', [id], 'invalidBody');
  const unicode = ['é', 'e\u0301', '😀', '日本', 'DEFAULT', '__proto__'];
  const { roles } = await created(keyManager, 'user', [...unicode, ...unicode]);
  assert.deepEqual(new Set(roles), new Set(unicode));
  assert.deepEqual(await keyManager.addRoles(id, unicode), { success: true, count: unicode.length });
});

test('malformed and misspelt options are invalidBody', async () => {
  const keyManager = inMemory();
  const bad = [
    null,
    5,
    'x',
    { owner: 'x' },
    { prefix: 'x' },
    { roles: [] },
    { ownerId: 5 },
    { ownerId: 'x'.repeat(257) },
  ];
  bad.push(
    { ownerId: LONE },
    { ownerId: 'a\0' },
    { name: {} },
    { metadata: [] },
    { metadata: 'x' },
    { metadata: { a: 5n } },
  );
  bad.push(
    { metadata: { a: undefined } },
    { metadata: { a: NaN } },
    { metadata: { a: () => 0 } },
    { metadata: { [LONE]: 1 } },
  );
  bad.push({ metadata: { a: 'x'.repeat(9000) } }, { metadata: { list: circle() } }, hostile());
  for (const seconds of [0, -1, 0.5, NaN, Infinity, 3_155_760_001, 1e300, '60', 60n, true])
    bad.push({ expiresInSeconds: seconds });
  for (const options of bad)
    await bothRejected(keyManager, 'createUserAPIKey', ['user', [], options], 'invalidBody');
  await created(keyManager, 'user', [], {
    ownerId: 'é',
    name: 'n',
    expiresInSeconds: 1,
    metadata: { a: [1, null, { b: '😀' }] },
  });
  await created(keyManager, 'user', undefined, {
    ownerId: undefined,
    name: null,
    expiresInSeconds: undefined,
    metadata: null,
  });
});

test('a malformed or unknown id is invalidId, after the arguments were checked', async () => {
  const keyManager = inMemory();
  for (const id of [...NOT_IDS, NO_KEY]) {
    await bothRejected(keyManager, 'rotateUserAPIKey', [id], 'invalidId');
    await bothRejected(keyManager, 'deleteUserAPIKey', [id], 'invalidId');
    await bothRejected(keyManager, 'addRoles', [id, ['PRO']], 'invalidId');
    await bothRejected(keyManager, 'removeRoles', [id, ['PRO']], 'invalidId');
    await bothRejected(keyManager, 'addRoles', [id, [5n]], 'invalidBody');
  }
});

for (const [rootAPIKey, error] of [
  ['', 'apiTokenNotPresent'],
  ['nonsense', 'invalidAPIToken'],
  [LONE, 'invalidAPIToken'],
  ['gkr_wxcBDexvUxa78kRDFHicb6CN31kF7VDBaF', 'invalidAPIToken'],
]) {
  test(`a root key of ${JSON.stringify(rootAPIKey)} is ${error}, whatever else is wrong`, async () => {
    const keyManager = inMemory({ rootAPIKey });
    await bothRejected(keyManager, 'createUserAPIKey', ['user'], error);
    await bothRejected(keyManager, 'rotateUserAPIKey', [NO_KEY], error);
    for (const endpoint of ['GET_TASKS', ...NOT_ENDPOINTS])
      await bothRejected(keyManager, 'verifyUserAPIKey', ['x', endpoint], error);
    for (const variables of NOT_VARIABLES)
      await bothRejected(keyManager, 'verifyUserAPIKey', ['x', 'GET_TASKS', variables], error);
    for (const roles of NOT_ROLES) {
      await bothRejected(keyManager, 'createUserAPIKey', ['user', roles], error);
      await bothRejected(keyManager, 'addRoles', [NO_KEY, roles], error);
    }
    for (const id of NOT_IDS) await bothRejected(keyManager, 'deleteUserAPIKey', [id], error);
    await bothRejected(keyManager, 'verifyUserAPIKey', [5, 'GET_TASKS'], error);
    await bothRejected(keyManager, 'createUserAPIKey', ['user', [], { stray: 1 }], error);
  });
}

test('a root key acts for its tenant', async (t) => {
  const database = databaseOf(t);
  const url = `sqlite:${database}`;
  const acme = await rootKeyOf(url, 'Acme Inc');
  const other = await rootKeyOf(url, 'Other Inc');
  const operator = initKeyManager({ url, endpoints, tenants: ['default', acme.tenantId] });
  const [ofAcme, ofOther] = [acme.rootKey, other.rootKey].map((rootAPIKey) =>
    initKeyManager({ url, endpoints, rootAPIKey }),
  );
  const { apiKey, id } = await created(ofAcme, 'acme');
  assert.equal((await ofAcme.verifyUserAPIKey(apiKey, 'GET_TASKS')).ok, true);
  assert.equal((await operator.verifyUserAPIKey(apiKey, 'GET_TASKS')).ok, true);
  assert.deepEqual(await ofOther.verifyUserAPIKey(apiKey, 'GET_TASKS'), INVALID);
  rejectedAs(await ofOther.rotateUserAPIKey(id), 'invalidId');
  rejectedAs(await ofOther.deleteUserAPIKey(id), 'invalidId');
  rejectedAs(await ofOther.addRoles(id, ['PRO']), 'invalidId');
  assert.deepEqual(
    await ofAcme.verifyUserAPIKey(acme.rootKey, 'GET_TASKS'),
    INVALID,
    'a root key is never a user key',
  );

  const ofDefault = await created(operator, 'mine');
  assert.deepEqual(await ofAcme.verifyUserAPIKey(ofDefault.apiKey, 'GET_TASKS'), INVALID);
});

test('the root key is checked first with a file, too', async (t) => {
  const keyManager = initKeyManager({
    url: databaseOf(t),
    endpoints,
    rootAPIKey: 'gkr_wxcBDexvUxa78kRDFHicb6CN31kF7VDBaF',
  });
  await bothRejected(keyManager, 'verifyUserAPIKey', [5, 'NOWHERE', [5]], 'invalidAPIToken');
});
