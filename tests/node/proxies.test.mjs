// Proxy variables of the environment: used, never for this machine, and an error if they are malformed.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { test } from 'node:test';
import { databaseOf, root, rootKeyOf, run, serve } from './helpers/support.mjs';

const PROGRAM = `
import { initKeyManager } from 'gatekeeper-native';
try {
  const [url, rootAPIKey] = process.argv.slice(1);
  const { createUserAPIKey } = initKeyManager({ url, rootAPIKey, endpoints: {}, timeout: 5000, maxRetries: 0 });
  console.log((await createUserAPIKey('user')).success);
} catch ({ code, message }) {
  console.log(code, message);
}`;

/** The output of a program with these environment variables and no other proxy. */
async function runProgram(url, variables, rootKey = 'gkr_x') {
  const others = Object.entries(process.env).filter(([name]) => !name.toLowerCase().endsWith('_proxy'));
  const env = { ...Object.fromEntries(others), ...variables };
  const given = ['--input-type=module', '-e', PROGRAM, url, rootKey];
  return (await run(process.execPath, given, { cwd: root, env })).stdout.trim();
}

/** A proxy that responds to every request itself, and the requests that it received. */
async function proxy(t) {
  const requests = [];
  const server = createServer((request, response) => {
    requests.push(request.url);
    response.end(JSON.stringify({ success: true, apiKey: 'user_x', id: `key_${'0'.repeat(26)}`, roles: [] }));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  return { address: `127.0.0.1:${server.address().port}`, requests };
}

test('a server is reached through the proxy of the environment, and this machine never is', async (t) => {
  const { address, requests } = await proxy(t);
  const path = databaseOf(t);
  const { rootKey } = await rootKeyOf(path, 'Acme Inc');
  assert.equal(
    await runProgram(await serve(t, path), { HTTP_PROXY: address, ALL_PROXY: ':' }, rootKey),
    'true',
  );
  assert.deepEqual(requests, []);
  assert.equal(await runProgram('http://gatekeeper.invalid', { HTTP_PROXY: address }), 'true');
  assert.deepEqual(requests, ['http://gatekeeper.invalid/api/v1/keys']);
});

test('a malformed proxy variable is an error, and no direct connection is made', async () => {
  for (const [name, value] of [
    ['HTTPS_PROXY', 'http://canary:port'],
    ['ALL_PROXY', 'socks5://canary:1080'],
  ]) {
    const output = await runProgram('https://gatekeeper.invalid', { [name]: value });
    assert.ok(output.startsWith(`bad_request ${name}: `) && !output.includes('canary'), output);
  }
});
