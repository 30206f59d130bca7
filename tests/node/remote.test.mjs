// A remote server: the same results as embedded, no thread for a pending call, and a process that exits when it is done.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once, setMaxListeners } from 'node:events';
import { readdirSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createSocketServer } from 'node:net';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import {
  AuthService,
  BadRequestError,
  ConnectionFailedError,
  GatekeeperCore,
  GatekeeperError,
  initKeyManager,
  RequestTimeoutError,
  TenantsService,
  UnauthorizedError,
} from 'gatekeeper-native';
import { created, databaseOf, endpoints, rootKeyOf, serve } from './helpers/support.mjs';

/** A server, its database, and a root key. */
async function served(t) {
  const path = databaseOf(t);
  const { rootKey } = await rootKeyOf(path, 'Acme Inc');
  return { path, url: await serve(t, path), rootAPIKey: rootKey };
}

/** A server that reads requests and never responds. */
async function hanging(t) {
  const sockets = [];
  const server = createSocketServer((socket) => sockets.push(socket.on('error', () => {}).resume()));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { url: `http://127.0.0.1:${server.address().port}`, sockets, server };
}

test('a key manager returns the same over HTTP as embedded', async (t) => {
  const { path, url, rootAPIKey } = await served(t);
  const limits = { ...endpoints, ONCE: { default: { maxReq: 1, duration: 60_000 } } };
  const [here, there] = [path, url].map((backend) =>
    initKeyManager({ url: backend, rootAPIKey, endpoints: limits }),
  );
  const options = { ownerId: 'user 7', name: 'n', metadata: { a: [1] } };
  const { id, apiKey, roles } = await created(there, 'user', ['PRO', 'BETA'], options);
  assert.deepEqual(roles, ['BETA', 'PRO']);
  const one = await here.verifyUserAPIKey(apiKey, 'GET_TASKS', ['task']);
  const other = await there.verifyUserAPIKey(apiKey, 'GET_TASKS', ['task']);
  assert.ok(Object.isFrozen(other) && Object.isFrozen(other.roles));
  assert.deepEqual(Object.keys(other), Object.keys(one));
  // The two calls are at different times.
  const { reset, resetAfterMs } = other;
  assert.ok(reset >= one.reset && resetAfterMs > 0);
  assert.deepEqual(other, { ...one, remaining: one.remaining - 1, reset, resetAfterMs });
  assert.equal((await there.verifyUserAPIKey(apiKey, 'ONCE')).ok, true);
  const { ok, retryAfterMs } = await there.verifyUserAPIKey(apiKey, 'ONCE');
  assert.ok(!ok && retryAfterMs > 0);
  const invalid = { success: true, keyValid: false, ok: false };
  for (const bad of ['', 'user_xxx', 'é\n', '\ud800']) {
    assert.deepEqual(await there.verifyUserAPIKey(bad, 'ONCE'), invalid);
  }
  assert.deepEqual(await there.addRoles(id, ['TEAM']), { success: true, count: 1 });
  assert.deepEqual(await there.removeRoles(id, ['PRO']), { success: true, count: 1 });
  const rotated = await there.rotateUserAPIKey(id);
  assert.deepEqual(await there.verifyUserAPIKey(apiKey, 'GET_TASKS'), invalid);
  assert.deepEqual((await there.verifyUserAPIKey(rotated.apikey, 'GET_TASKS')).roles, ['BETA', 'TEAM']);
  assert.deepEqual(await there.deleteUserAPIKey(id), { success: true, id });
  assert.equal((await there.deleteUserAPIKey(id)).error, 'invalidId');
});

test('a server rejects calls in the same order, with the same messages', async (t) => {
  const { path, url, rootAPIKey } = await served(t);
  const rejections = async (backend, key) => {
    const keys = initKeyManager({ url: backend, rootAPIKey: key, endpoints });
    return await Promise.all([
      keys.verifyUserAPIKey('', 'GET_TASKS'),
      keys.verifyUserAPIKey(5, 'GET_TASKS'),
      keys.verifyUserAPIKey('', 'NEVER_DEFINED'),
      keys.verifyUserAPIKey('', 'GET_TASKS', Array(1001).fill('')),
      keys.createUserAPIKey(5),
      keys.createUserAPIKey('user', [], { metadata: { at: 5n } }),
      keys.createUserAPIKey('?'),
      keys.rotateUserAPIKey({}),
      keys.addRoles('key_00000000000000000000000000', ['PRO']),
    ]);
  };
  for (const key of [rootAPIKey, '', 'canary', 'gkr_\n', 'é']) {
    assert.deepEqual(await rejections(url, key), await rejections(path, key), key);
  }
  const codes = new Set((await rejections(url, undefined)).map(({ error }) => error));
  assert.deepEqual([...codes], ['authorizationHeaderNotPresent']);
});

test('the Sync functions throw with a server, whatever their arguments', async () => {
  const keys = initKeyManager({ url: 'http://localhost:1', rootAPIKey: 'x', endpoints });
  const calls = [
    () => keys.verifyUserAPIKeySync('user_xxx', 'GET_TASKS'),
    () => keys.verifyUserAPIKeySync(5, 'GET_TASKS'),
    () => keys.createUserAPIKeySync('user'),
    () => keys.createUserAPIKeySync('user', [], { metadata: 5n }),
    () => keys.rotateUserAPIKeySync('x'),
    () => keys.deleteUserAPIKeySync('x'),
    () => keys.addRolesSync('x', []),
    () => keys.removeRolesSync('x', []),
  ];
  for (const call of calls) {
    assert.throws(
      call,
      (error) =>
        error instanceof BadRequestError && /cannot be used with a remote server/.test(error.message),
    );
  }
});

test('services, their pages and their errors are the same over HTTP', async (t) => {
  const { url } = await served(t);
  const core = new GatekeeperCore({
    baseUrl: url,
    userAgent: 'acme/1',
    defaultHeaders: { 'X-Edge': 'seven' },
  });
  const { accessToken } = await new AuthService(core).signup({
    email: 'a@example.com',
    password: 'a long password',
  });
  core.setToken(accessToken);
  const tenants = new TenantsService(core);
  const names = Array.from({ length: 30 }, (_, number) => `tenant ${number}`);
  const made = await Promise.all(names.map((name) => tenants.create(name)));
  const found = [];
  for await (const { id } of tenants.iterate({ limit: 7 })) found.push(id);
  assert.deepEqual(found.sort(), made.map(({ id }) => id).sort());
  assert.equal((await core.jwks()).keys.length, 1);
  assert.equal(await new AuthService(core).logout(), undefined);
  await assert.rejects(new AuthService(core).me(), (error) => {
    assert.ok(error instanceof UnauthorizedError);
    assert.match(error.requestId, /^req_/);
    return true;
  });
  await assert.rejects(tenants.get('../tenants'), /tenantId must be a tenant id/);
});

test('without a response the error has status 0', async (t) => {
  const { url, server } = await hanging(t);
  const slow = new GatekeeperCore({ baseUrl: url, timeout: 100 });
  await assert.rejects(new AuthService(slow).me(), (error) => {
    assert.ok(error instanceof RequestTimeoutError && error.status === 0, String(error));
    assert.match(error.message, /within 100 ms/);
    return true;
  });
  server.close();
  const nowhere = initKeyManager({ url: 'http://127.0.0.1:1', rootAPIKey: 'x', endpoints, maxRetries: 0 });
  await assert.rejects(nowhere.verifyUserAPIKey('user_xxx', 'GET_TASKS'), (error) => {
    assert.ok(error instanceof ConnectionFailedError && error instanceof GatekeeperError);
    assert.match(error.message, /no connection to http:\/\/127\.0\.0\.1:1/);
    assert.ok(error.cause instanceof Error);
    return true;
  });
});

test('a signal and a timeout of a call abort its request', async (t) => {
  const { url, sockets } = await hanging(t);
  const auth = new AuthService(new GatekeeperCore({ baseUrl: url, timeout: 60_000 }));
  const controller = new AbortController();
  const calls = [auth.me({ signal: controller.signal }), auth.me({ timeout: 300 })];
  while (sockets.length < 2) await sleep(5);
  const closed = sockets.map((socket) => once(socket, 'close'));
  controller.abort(new Error('enough'));
  await assert.rejects(calls[0], /enough/);
  await assert.rejects(calls[1], RequestTimeoutError);
  await Promise.all(closed);
  await assert.rejects(auth.me({ signal: AbortSignal.abort(new Error('before')) }), /before/);
  assert.equal(sockets.length, 2);
});

test('hundreds of calls wait at once without a thread for each, and do not delay others', async (t) => {
  const threads = () => readdirSync('/proc/self/task').length;
  const { url, sockets } = await hanging(t);
  const { url: responding, rootAPIKey } = await served(t);
  const keys = initKeyManager({ url: responding, rootAPIKey, endpoints });
  await keys.verifyUserAPIKey('user_xxx', 'GET_TASKS');
  const before = process.platform === 'linux' ? threads() : 0;
  const auth = new AuthService(new GatekeeperCore({ baseUrl: url, timeout: 60_000 }));
  const controller = new AbortController();
  setMaxListeners(0, controller.signal);
  const waiting = Array.from({ length: 300 }, () => auth.me({ signal: controller.signal }));
  while (sockets.length < 300) await sleep(5);
  if (process.platform === 'linux')
    assert.ok(threads() <= before + 1, `${threads()} threads, ${before} before`);
  assert.equal((await keys.verifyUserAPIKey('user_xxx', 'GET_TASKS')).keyValid, false);
  controller.abort();
  const settled = await Promise.allSettled(waiting);
  assert.ok(settled.every(({ reason }) => reason.name === 'AbortError'));
});

test('a redirect is never followed', async (t) => {
  let followed = 0;
  const elsewhere = createServer((_, response) => {
    followed += 1;
    response.end('{}');
  }).listen(0, '127.0.0.1');
  await once(elsewhere, 'listening');
  const redirecting = createServer((_, response) => {
    response.writeHead(307, { location: `http://127.0.0.1:${elsewhere.address().port}/` }).end();
  }).listen(0, '127.0.0.1');
  await once(redirecting, 'listening');
  t.after(() => [elsewhere, redirecting].forEach((server) => server.close()));
  const core = new GatekeeperCore({
    baseUrl: `http://127.0.0.1:${redirecting.address().port}`,
    token: 'canary',
  });
  await assert.rejects(new AuthService(core).me(), /redirects are not followed/);
  assert.equal(followed, 0);
});

/** The output of a program, and its exit code or signal. */
async function program(source, ...given) {
  const child = spawn(process.execPath, ['--input-type=module', '-e', source, ...given], {
    cwd: new URL('.', import.meta.url),
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 30_000,
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (output += text));
  const [code, signal] = await once(child, 'close');
  return { output, code, signal };
}

test('a pending call keeps the process alive, and an idle client does not', async (t) => {
  const { url } = await served(t);
  const { url: silent } = await hanging(t);
  const source = `
    import { AuthService, GatekeeperCore } from 'gatekeeper-native';
    const [url, silent] = process.argv.slice(1);
    const me = (baseUrl) => new AuthService(new GatekeeperCore({ baseUrl, timeout: 700 })).me();
    me(url).catch(({ code }) => console.log(code));
    const began = Date.now();
    if (silent) me(silent).catch(({ code }) => console.log(code, Date.now() - began >= 600));
  `;
  const began = Date.now();
  assert.deepEqual(await program(source, url), { output: 'unauthorized\n', code: 0, signal: null });
  assert.ok(Date.now() - began < 10_000);
  const { output, code } = await program(source, url, silent);
  assert.deepEqual([output, code], ['unauthorized\ntimeout true\n', 0]);
});

test('a process exits while calls are pending', async (t) => {
  const { url } = await hanging(t);
  const source = `
    import { AuthService, GatekeeperCore } from 'gatekeeper-native';
    const auth = new AuthService(new GatekeeperCore({ baseUrl: process.argv[1] }));
    for (let call = 0; call < 50; call += 1) auth.me().catch(() => {});
    setTimeout(() => process.exit(7), 200);
  `;
  assert.deepEqual(await program(source, url), { output: '', code: 7, signal: null });
});

test('workers can be terminated during a call to a server, and others still work', async (t) => {
  const { url, rootAPIKey } = await served(t);
  const { url: silent } = await hanging(t);
  const script = new URL('helpers/remote-worker.mjs', import.meta.url);
  const start = (workerData) => new Worker(script, { workerData });
  for (let round = 0; round < 15; round += 1) {
    const workers = [url, silent].flatMap((backend) =>
      [1, 2].map(() => start({ url: backend, rootAPIKey, calls: Infinity })),
    );
    const last = start({ url, rootAPIKey, calls: 5 });
    const [count] = await once(last, 'message');
    assert.equal(count, 15);
    await sleep(round * 3);
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
});
