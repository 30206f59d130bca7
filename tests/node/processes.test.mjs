// One file, several processes, in two languages.
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { test } from 'node:test';
import { initKeyManager } from 'gatekeeper-native';
import { created, databaseOf, endpoints, otherProcess, python, rootKeyOf } from './helpers/support.mjs';

const INVALID = { success: true, keyValid: false, ok: false };

test('the next verification here sees the changes of another process', async (t) => {
  const url = databaseOf(t);
  const here = initKeyManager({ url, endpoints });
  const there = await otherProcess(t, url);

  for (let round = 0; round < 20; round += 1) {
    const { apiKey, id } = await created(here, 'user', ['PRO']);
    assert.equal(here.verifyUserAPIKeySync(apiKey, 'GET_TASKS').role, 'PRO');

    assert.equal((await there.call('removeRoles', id, ['PRO'])).count, 1);
    assert.equal(here.verifyUserAPIKeySync(apiKey, 'GET_TASKS').role, null);
    assert.equal((await there.call('addRoles', id, ['PRO'])).count, 1);
    assert.equal((await here.verifyUserAPIKey(apiKey, 'GET_TASKS')).role, 'PRO');

    const { apikey } = await there.call('rotateUserAPIKey', id);
    assert.deepEqual(here.verifyUserAPIKeySync(apiKey, 'GET_TASKS'), INVALID);
    assert.equal((await here.verifyUserAPIKey(apikey, 'GET_TASKS')).keyId, id);

    assert.equal((await there.call('deleteUserAPIKey', id)).success, true);
    assert.deepEqual(await here.verifyUserAPIKey(apikey, 'GET_TASKS'), INVALID);
  }
});

test('a key that was unknown here is valid once another process has created it', async (t) => {
  const url = databaseOf(t);
  const here = initKeyManager({ url, endpoints });
  const there = await otherProcess(t, url);
  const { apiKey, id } = await there.call('createUserAPIKey', 'user');
  const { apikey } = await there.call('rotateUserAPIKey', id);
  assert.deepEqual(here.verifyUserAPIKeySync(apiKey, 'GET_TASKS'), INVALID);
  assert.equal(here.verifyUserAPIKeySync(apikey, 'GET_TASKS').ok, true);
});

test('a root key that Rust makes is valid here at once', async (t) => {
  const url = databaseOf(t);
  await created(initKeyManager({ url, endpoints }), 'user');
  const { rootKey, tenantId } = await rootKeyOf(url, 'Acme Inc');
  const { apiKey } = await created(initKeyManager({ url, endpoints, rootAPIKey: rootKey }), 'acme');
  const operator = initKeyManager({ url, endpoints, tenants: [tenantId] });
  assert.equal((await operator.verifyUserAPIKey(apiKey, 'GET_TASKS')).ok, true);
});

test('a writer that is killed at any moment loses no acknowledged change and leaves a consistent file', async (t) => {
  const url = databaseOf(t);
  const keyManager = initKeyManager({ url, endpoints });
  for (let kill = 0; kill < 8; kill += 1) {
    const { child, ended } = await otherProcess(t, url);
    const written = [];
    child.on('message', (message) => written.push(message));
    child.send({ name: 'write until killed' });
    while (written.length === 0) await sleep(5);
    await sleep(20 + kill * 7);
    child.kill('SIGKILL');
    await ended;

    const last = new Map(written.map((message) => [message.id, message]));
    const [unsure] = [...last.keys()].slice(-1);
    for (const { apiKey, id, revoked } of last.values()) {
      // The last key may have been rotated without an acknowledgement.
      if (id !== unsure) assert.equal((await keyManager.verifyUserAPIKey(apiKey, 'GET_TASKS')).keyId, id);
      if (revoked !== undefined)
        assert.deepEqual(await keyManager.verifyUserAPIKey(revoked, 'GET_TASKS'), INVALID);
    }
    await created(keyManager, 'after');
    const check = await python(
      'import sqlite3, sys; print(sqlite3.connect(sys.argv[1]).execute("PRAGMA integrity_check").fetchone()[0])',
      url,
    );
    assert.equal(check.trim(), 'ok');
  }
});

test('two processes that write at once lose nothing', async (t) => {
  const url = databaseOf(t);
  const here = initKeyManager({ url, endpoints });
  const there = await otherProcess(t, url);
  const mine = [];
  const theirs = [];
  await Promise.all([
    (async () => {
      for (let key = 0; key < 50; key += 1) mine.push(await created(here, 'mine'));
    })(),
    (async () => {
      for (let key = 0; key < 50; key += 1) theirs.push(await there.call('createUserAPIKey', 'theirs'));
    })(),
  ]);
  for (const { apiKey, id } of [...mine, ...theirs]) {
    assert.equal((await here.verifyUserAPIKey(apiKey, 'GET_TASKS')).keyId, id);
  }
});
