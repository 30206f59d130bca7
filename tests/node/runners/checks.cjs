// The tests for every test runner: the package as an application uses it. `test` and `expect` are the runner's.
const { mkdtempSync, rmSync } = require('node:fs');
const { tmpdir } = require('node:os');
const { join } = require('node:path');

const endpoints = {
  GET_TASKS: {
    default: { maxReq: 2, duration: 60_000 },
    roles: { PRO: { maxReq: 1000, duration: 60_000 } },
  },
};
const founder = { email: 'founder@example.com', password: 'hunter2pass' };

module.exports = function checks(gatekeeper) {
  const { AuthService, GatekeeperCore, KeysService, TenantsService, initKeyManager } = gatekeeper;
  const inMemory = (options) => initKeyManager({ url: 'memory:', endpoints, ...options });

  /** The error of a call that must fail. */
  const errorOf = (call) =>
    call.then(
      () => expect('a result').toBe('an error'),
      (error) => error,
    );

  function expectError(error, name, status, code) {
    expect([error.name, error.status, error.code]).toStrictEqual([name, status, code]);
    expect(error instanceof gatekeeper[name]).toBe(true);
    expect(error instanceof gatekeeper.GatekeeperError && error instanceof Error).toBe(true);
    expect(error instanceof gatekeeper.InternalError).toBe(false);
  }

  test('a key is verified, async and sync, and its lists are of this realm', async () => {
    const keyManager = inMemory();
    const metadata = { list: [{ deep: true }] };
    const { apiKey } = await keyManager.createUserAPIKey('user', ['PRO'], { metadata });
    const awaited = await keyManager.verifyUserAPIKey(apiKey, 'GET_TASKS', ['task']);
    const sync = keyManager.verifyUserAPIKeySync(apiKey, 'GET_TASKS', ['task']);
    expect([awaited.remaining, sync.remaining]).toStrictEqual([999, 998]);
    for (const result of [awaited, sync]) {
      expect(result.roles).toStrictEqual(['PRO']);
      expect(result.metadata).toStrictEqual(metadata);
      expect(result.roles instanceof Array && result.scopes instanceof Array).toBe(true);
    }
    const options = { scopes: ['read'], clientAddress: '192.0.2.1' };
    expect((await keyManager.verifyUserAPIKey(apiKey, 'GET_TASKS', [], options)).code).toBe(
      'insufficient_scope',
    );
  });

  test('a rejected call returns a result and is no internal error', async () => {
    const keyManager = inMemory();
    for (const result of [
      await keyManager.createUserAPIKey('not a prefix'),
      keyManager.createUserAPIKeySync('not a prefix'),
      await keyManager.verifyUserAPIKey('user_xxx', 'NO_SUCH_ENDPOINT'),
      await keyManager.addRoles('key_00000000000000000000000000', [5]),
    ]) {
      expect([result.success, result.error]).toStrictEqual([false, 'invalidBody']);
    }
    expect((await keyManager.rotateUserAPIKey('no id')).error).toBe('invalidId');
    const rejected = await inMemory({ rootAPIKey: 'gkr_wrong' }).createUserAPIKey('user');
    expect(rejected.error).toBe('invalidAPIToken');
  });

  test('an error has its class, its status and its code', async () => {
    const core = new GatekeeperCore({ baseUrl: 'memory:' });
    const auth = new AuthService(core);
    expectError(await errorOf(auth.me()), 'UnauthorizedError', 401, 'unauthorized');
    await auth.signup(founder);
    expectError(await errorOf(auth.signup(founder)), 'ConflictError', 409, 'conflict');
    expectError(
      await errorOf(new TenantsService(core).list({ limt: 1 })),
      'BadRequestError',
      400,
      'bad_request',
    );
    let thrown;
    try {
      new GatekeeperCore({ baseUrl: 'mysql:x' });
    } catch (error) {
      thrown = error;
    }
    expectError(thrown, 'BadRequestError', 400, 'bad_request');
  });

  test('a database that cannot be opened is 503 with its cause', async () => {
    const keyManager = initKeyManager({ url: 'sqlite:/nowhere/keys.db', endpoints });
    for (const call of [
      () => keyManager.createUserAPIKey('user'),
      () => keyManager.verifyUserAPIKey('user_2esjVpufvRRQPudf1J4hnq8dHZ674eSVcJ', 'GET_TASKS'),
    ]) {
      const error = await errorOf(call());
      expectError(error, 'ServiceUnavailableError', 503, 'service_unavailable');
      expect(error.cause instanceof Error).toBe(true);
    }
  });

  test('a signal aborts a call with its own reason', async () => {
    const auth = new AuthService(new GatekeeperCore({ baseUrl: 'memory:' }));
    const reason = new Error('the client went away');
    expect(await errorOf(auth.signup(founder, { signal: AbortSignal.abort(reason) }))).toBe(reason);
    const controller = new AbortController();
    const call = errorOf(auth.signup(founder, { signal: controller.signal }));
    controller.abort(reason);
    expect(await call).toBe(reason);
    expect((await errorOf(auth.signup(founder, { signal: AbortSignal.timeout(1) }))).name).toBe(
      'TimeoutError',
    );
    expectError(await errorOf(auth.signup(founder, { timeout: 0.01 })), 'RequestTimeoutError', 0, 'timeout');
    expectError(await errorOf(auth.signup(founder, { signal: {} })), 'BadRequestError', 400, 'bad_request');
  });

  test('a file is opened, and metadata is returned unchanged', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'gatekeeper-'));
    try {
      const core = new GatekeeperCore({
        baseUrl: join(folder, 'keys.db'),
        secret: 'a secret of the tests alone',
      });
      core.setToken((await new AuthService(core).signup(founder)).accessToken);
      const tenant = await new TenantsService(core).create('Acme Inc');
      const keys = new KeysService(core);
      const metadata = { plan: 'pro', tags: ['a', 'b'], seats: 3, nested: { since: new Date(0) } };
      const { apiKey } = await keys.create({ tenantId: tenant.id, name: 'server', metadata });
      const expected = {
        plan: 'pro',
        tags: ['a', 'b'],
        seats: 3,
        nested: { since: '1970-01-01T00:00:00.000Z' },
      };
      expect((await keys.get(apiKey.id)).metadata).toStrictEqual(expected);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
};
