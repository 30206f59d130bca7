// A database that another process keeps locked: each call fails in time, and no other call waits for it.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';
import { test } from 'node:test';
import { GatekeeperCore, KeysService, ServiceUnavailableError, initKeyManager } from 'gatekeeper-native';
import { created, databaseOf, endpoints, inMemory, lockedByAnother, run } from './helpers/support.mjs';

/** The duration of a call in milliseconds, and its error. */
async function timed(call) {
  const arrived = performance.now();
  const error = await call().then(
    () => undefined,
    (error) => error,
  );
  return { ms: performance.now() - arrived, error };
}

function assertGaveUp({ ms, error }) {
  assert.ok(error instanceof ServiceUnavailableError, String(error));
  assert.match(error.message, /has been locked for 5 s/);
  assert.ok(ms > 4500 && ms < 7000, `after ${ms} ms`);
}

test('each of many writers fails 5 s after its start, and files and new keys do not wait for them', async (t) => {
  const url = databaseOf(t);
  const keyManager = initKeyManager({ url, endpoints });
  const { apiKey } = await created(keyManager, 'user');
  const unlock = await lockedByAnother(t, url);

  // More calls than there are threads of any kind.
  const writers = Array.from({ length: 48 }, () => timed(() => keyManager.createUserAPIKey('user')));
  const late = sleep(1000).then(() => timed(() => keyManager.createUserAPIKey('user')));
  let over = false;
  const others = (async () => {
    // The key is not cached in this key manager, so it is read from the database.
    const fresh = initKeyManager({ url, endpoints });
    const waits = [];
    while (!over) {
      const file = await timed(() => readFile(new URL(import.meta.url)));
      const verified = await timed(() => fresh.verifyUserAPIKey(apiKey, 'GET_TASKS', [`${waits.length}`]));
      assert.deepEqual([file.error, verified.error], [undefined, undefined]);
      waits.push(file.ms, verified.ms);
      await sleep(50);
    }
    return waits;
  })();
  const ended = await Promise.all([...writers, late]);
  over = true;
  const waits = await others;
  ended.forEach(assertGaveUp);
  assert.ok(waits.length >= 20);
  assert.ok(Math.max(...waits) < 1000, `the worst: ${Math.max(...waits)} ms`);
  const [middle] = waits.toSorted((a, b) => a - b).slice(waits.length / 2);
  assert.ok(middle < 200, `the middle one: ${middle} ms`);

  await unlock();
  await created(keyManager, 'after');
});

test('a call that is aborted before a thread starts it is not carried out', async (t) => {
  const url = databaseOf(t);
  const core = new GatekeeperCore({ baseUrl: url, operator: true });
  const keys = new KeysService(core);
  const tenantId = 'tnt_00000000000000000000000000';
  const of = (name) => keys.create({ tenantId, name });
  await of('first');
  const unlock = await lockedByAnother(t, url);
  const waiting = Array.from({ length: 40 }, (_, number) => of(`waiting ${number}`));
  const controller = new AbortController();
  const last = keys.create({ tenantId, name: 'given up' }, { signal: controller.signal });
  controller.abort(new Error('the client went away'));
  await assert.rejects(last, /the client went away/);
  await unlock();
  await Promise.all(waiting);
  const { items } = await keys.list(tenantId, { limit: 100 });
  assert.equal(items.length, 41);
  assert.ok(!items.some(({ name }) => name === 'given up'));
});

test('the last use of a key is known after the process that used it has exited', async (t) => {
  const url = databaseOf(t);
  const { apiKey, id } = await created(initKeyManager({ url, endpoints }), 'user');
  const keys = new KeysService(new GatekeeperCore({ baseUrl: url, operator: true }));
  assert.equal((await keys.get(id)).lastUsedAt, null);
  const before = Date.now();
  const program = `
    import { initKeyManager } from 'gatekeeper-native';
    const { verifyUserAPIKeySync } = initKeyManager({ url: process.argv[1], endpoints: { GET: { default: { maxReq: 1, duration: 1 } } } });
    if (!verifyUserAPIKeySync(process.argv[2], 'GET').ok) throw new Error('not verified');
    process.exit(0);
  `;
  await run(process.execPath, ['--input-type=module', '-e', program, url, apiKey], {
    cwd: new URL('../..', import.meta.url),
  });
  const { lastUsedAt } = await keys.get(id);
  assert.ok(lastUsedAt >= before && lastUsedAt <= Date.now(), String(lastUsedAt));
});

test('a verification that records the use of a key completes in the same turn of the event loop', async () => {
  const { createUserAPIKeySync, verifyUserAPIKey, advance } = inMemory({ clock: 'manual' });
  const keys = Array.from({ length: 20 }, () => createUserAPIKeySync('user').apiKey);
  for (let round = 0; round < 3; round += 1) {
    let completed = 0;
    for (const key of keys) verifyUserAPIKey(key, 'GET_TASKS').then(() => (completed += 1));
    if (round === 0) {
      // Each is read from the database once.
      while (completed < keys.length) await turn();
    } else {
      await Promise.resolve();
      assert.equal(completed, keys.length);
    }
    advance(61_000);
  }
});
