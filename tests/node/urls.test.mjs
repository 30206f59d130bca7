// URLs that are rejected with the URL that was probably meant, and files that do not exist.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { BadRequestError, GatekeeperCore, ServiceUnavailableError, initKeyManager } from 'gatekeeper-native';
import { databaseOf, endpoints, root, run } from './helpers/support.mjs';

const { cases } = JSON.parse(readFileSync(join(root, 'tests/cases/urls.json'), 'utf8'));

test('a mistyped URL is rejected with the nearest right one and creates no file', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'urls-'));
  const before = process.cwd();
  process.chdir(folder);
  t.after(() => {
    process.chdir(before);
    rmSync(folder, { recursive: true });
  });
  for (const { url, nearest } of cases) {
    const expected = (error) => {
      assert.ok(error instanceof BadRequestError, String(error));
      assert.ok(error.message.includes(nearest), `${JSON.stringify(url)}: ${error.message}`);
      return true;
    };
    assert.throws(() => initKeyManager({ url, endpoints }), expected, JSON.stringify(url));
    assert.throws(() => new GatekeeperCore({ baseUrl: url }), expected, JSON.stringify(url));
  }
  assert.deepEqual(readdirSync(folder), []);
});

test('without create a file that does not exist is unavailable', async (t) => {
  const url = databaseOf(t);
  const keyManager = initKeyManager({ url, endpoints, create: false });
  const expected = (error) => {
    assert.ok(error instanceof ServiceUnavailableError, String(error));
    assert.match(error.message, /create is false/);
    return true;
  };
  await assert.rejects(keyManager.createUserAPIKey('user'), expected);
  assert.throws(() => keyManager.createUserAPIKeySync('user'), expected);
  assert.equal(existsSync(url), false);
  assert.throws(() => initKeyManager({ url, endpoints, create: 'no' }), BadRequestError);
});

test('a new file causes one warning', async (t) => {
  const url = databaseOf(t);
  const program = `
    import { initKeyManager } from 'gatekeeper-native';
    process.on('warning', ({ name, message }) => console.log(name, message));
    const { createUserAPIKey } = initKeyManager({ url: process.argv[1], endpoints: {} });
    await createUserAPIKey('user');
    await createUserAPIKey('user');
  `;
  const { stdout } = await run(process.execPath, ['--input-type=module', '-e', program, url], { cwd: root });
  assert.equal(stdout, `GatekeeperWarning created the database ${url}\n`);
});
