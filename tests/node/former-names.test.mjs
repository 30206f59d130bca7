// Former names: they still work in this version.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { AuthService, GatekeeperCore } from 'gatekeeper-native';

import { databaseOf, root, secret } from './helpers/support.mjs';

const signup = (core, name) =>
  new AuthService(core).signup({ email: `${name}@example.com`, password: 'hunter2pass' });

test('withSource is deprecated and returns a core for the client address', async () => {
  const core = new GatekeeperCore({ baseUrl: 'memory:', secret, signupsPerMinute: 1 });
  await signup(core.withSource('192.0.2.1'), 'first');
  await assert.rejects(signup(core.withClientAddress('192.0.2.1'), 'second'), { status: 429 });
  await signup(core.withSource('192.0.2.2'), 'second');

  const declarations = readFileSync(join(root, 'bindings-node/dist/core.d.ts'), 'utf8');
  assert.match(declarations, /@deprecated[^/]*\*\/\s+withSource\(/);
});

test('GATEKEEPER_BASE_URL is read if GATEKEEPER_URL is not set', async (t) => {
  const [former, current] = [databaseOf(t), databaseOf(t)];
  const { GATEKEEPER_URL, GATEKEEPER_BASE_URL } = process.env;
  t.after(() => {
    for (const [name, value] of Object.entries({ GATEKEEPER_URL, GATEKEEPER_BASE_URL })) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  });

  process.env.GATEKEEPER_URL = current;
  process.env.GATEKEEPER_BASE_URL = former;
  await signup(GatekeeperCore.fromEnv({ secret }), 'founder');
  assert.deepEqual([existsSync(current), existsSync(former)], [true, false]);

  delete process.env.GATEKEEPER_URL;
  await signup(GatekeeperCore.fromEnv({ secret }), 'founder');
  assert.equal(existsSync(former), true);
});
