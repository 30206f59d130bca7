// Databases that cannot be used: each is 503 from the first call, with a message that says what to do.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { GatekeeperError, ServiceUnavailableError, initKeyManager } from 'gatekeeper-native';
import { created, databaseOf, endpoints, python, root, run } from './helpers/support.mjs';

const SQL = 'import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute(sys.argv[2]); c.commit()';

/** Every call of a key manager for `url` fails with 503 and a message like `message`. */
async function unavailable(url, message) {
  const keyManager = initKeyManager({ url, endpoints });
  const expected = (error) => {
    assert.ok(error instanceof ServiceUnavailableError && error instanceof GatekeeperError, String(error));
    assert.deepEqual([error.status, error.code], [503, 'service_unavailable']);
    assert.match(error.message, message);
    return true;
  };
  await assert.rejects(keyManager.createUserAPIKey('user'), expected);
  await assert.rejects(
    keyManager.verifyUserAPIKey('user_2esjVpufvRRQPudf1J4hnq8dHZ674eSVcJ', 'GET_TASKS'),
    expected,
  );
  assert.throws(() => keyManager.createUserAPIKeySync('user'), expected);
  assert.throws(
    () => keyManager.verifyUserAPIKeySync('user_2esjVpufvRRQPudf1J4hnq8dHZ674eSVcJ', 'GET_TASKS'),
    expected,
  );
  return keyManager;
}

test('a missing folder is 503 until it exists', async (t) => {
  const folder = join(dirname(databaseOf(t)), 'missing');
  const keyManager = await unavailable(join(folder, 'keys.db'), /folder does not exist/);
  mkdirSync(folder);
  await created(keyManager, 'user');
});

test('a folder instead of a file is 503', async (t) => {
  await unavailable(dirname(databaseOf(t)), /is a folder/);
});

test('a file that is not a database is 503', async (t) => {
  const database = databaseOf(t);
  writeFileSync(database, 'nonsense '.repeat(1000));
  await unavailable(database, /not a database or is corrupt/);
});

test('a damaged database is 503', async (t) => {
  const database = databaseOf(t);
  await python(SQL, database, 'CREATE TABLE t (x)');
  writeFileSync(database, Buffer.alloc(4096, 0x5a), { flag: 'r+' });
  await unavailable(database, /not a database or is corrupt/);
});

test('a database of another program is 503', async (t) => {
  const database = databaseOf(t);
  await python(SQL, database, 'CREATE TABLE t (x)');
  await unavailable(database, /another program/);
});

test('a database of a newer version is 503', async (t) => {
  const database = databaseOf(t);
  const keyManager = initKeyManager({ url: join(dirname(database), 'other.db'), endpoints });
  await created(keyManager, 'user');
  await python(
    'import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute("VACUUM INTO ?", (sys.argv[2],))',
    join(dirname(database), 'other.db'),
    database,
  );
  await python(SQL, database, 'PRAGMA user_version = 999');
  await unavailable(database, /newer version \(schema 999/);
});

test('a database without write permission is 503 for writers', async (t) => {
  const database = databaseOf(t);
  await created(initKeyManager({ url: database, endpoints }), 'user');
  chmodSync(dirname(database), 0o555);
  const beside = readdirSync(dirname(database)).map((file) => join(dirname(database), file));
  for (const file of beside) chmodSync(file, 0o444);
  const program = `
    const { initKeyManager } = require(${JSON.stringify(root)});
    const { createUserAPIKey } = initKeyManager({ url: ${JSON.stringify(database)}, endpoints: {} });
    createUserAPIKey('user').catch(({ status, message }) => console.log(status, message));
  `;
  // Root may write every file unless it drops that capability. (Another user may not be able to read this checkout.)
  const withoutIt = ['setpriv', '--bounding-set=-dac_override,-dac_read_search', '--inh-caps=-all'];
  const prefix = process.getuid?.() === 0 ? withoutIt : [];
  const [command, ...rest] = [...prefix, process.execPath, '-e', program];
  const { stdout } = await run(command, rest);
  for (const file of [dirname(database), ...beside]) chmodSync(file, 0o755);
  assert.match(stdout, /^503 .* cannot be written: give this user write access to it, to the database/);
});

test('a database that another process has locked is 503 after some seconds, and usable again after that', async (t) => {
  const database = databaseOf(t);
  const keyManager = initKeyManager({ url: database, endpoints });
  const { apiKey } = await created(keyManager, 'user');
  const locker = spawn('python3', [
    '-c',
    'import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute("BEGIN IMMEDIATE"); print("locked", flush=True); sys.stdin.read()',
    database,
  ]);
  t.after(() => locker.kill());
  await once(locker.stdout, 'data');
  const write = assert.rejects(keyManager.createUserAPIKey('user'), {
    name: 'ServiceUnavailableError',
    status: 503,
    message: /has been locked for/,
  });
  assert.equal(
    (await keyManager.verifyUserAPIKey(apiKey, 'GET_TASKS')).ok,
    true,
    'readers do not wait for writers',
  );
  await write;
  locker.stdin.end();
  await once(locker, 'exit');
  await created(keyManager, 'user');
});
