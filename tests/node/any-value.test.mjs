import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { readFileSync } from 'node:fs';
import * as gatekeeper from 'gatekeeper-native';
import { GatekeeperError, initKeyManager } from 'gatekeeper-native';
import { created, inMemory, root } from './helpers/support.mjs';

const ERRORS = [
  'authorizationHeaderNotPresent',
  'apiTokenNotPresent',
  'invalidAPIToken',
  'invalidBody',
  'invalidId',
];
const anything = () =>
  fc.oneof(
    fc.anything({
      withBigInt: true,
      withDate: true,
      withMap: true,
      withSet: true,
      withTypedArray: true,
      withSparseArray: true,
      withNullPrototype: true,
      withUnicodeString: true,
    }),
    fc.string({ unit: 'binary' }),
    fc.array(fc.string({ unit: 'binary' })),
    fc.constantFrom(Symbol('x'), () => 0, new Proxy([], { get: () => 5 }), 'GET_TASKS', '__proto__'),
  );

function isResult(result) {
  assert.ok(Object.isFrozen(result));
  if (result.success) return;
  assert.ok(ERRORS.includes(result.error), result.error);
  assert.equal(typeof result.reason, 'string');
}

test('a key manager call with any arguments returns a result', async () => {
  const keyManager = inMemory();
  const calls = Object.keys(keyManager);
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...calls),
      fc.array(anything(), { maxLength: 4 }),
      async (name, given) => {
        isResult(await keyManager[name](...given));
      },
    ),
    { numRuns: 3000 },
  );
});

test('the async and sync verification agree on any variables', async () => {
  const keyManager = inMemory({ endpoints: { GET: { default: { maxReq: 2 ** 32 - 1, duration: 60_000 } } } });
  const { apiKey } = await created(keyManager, 'user');
  await fc.assert(
    fc.asyncProperty(anything(), async (variables) => {
      const now = keyManager.verifyUserAPIKeySync(apiKey, 'GET', variables);
      const later = await keyManager.verifyUserAPIKey(apiKey, 'GET', variables);
      assert.equal(now.success, later.success);
      if (now.success) assert.equal(now.remaining - later.remaining, 1, 'both took of one slot');
    }),
    { numRuns: 1000 },
  );
});

test('initKeyManager with any options returns or throws a GatekeeperError', () => {
  fc.assert(
    fc.property(
      fc.record(
        { endpoints: anything(), rootAPIKey: anything(), clock: anything(), cacheKeys: anything() },
        { requiredKeys: [] },
      ),
      (options) => {
        try {
          initKeyManager({ ...options, url: 'memory:', cacheUnknownKeys: 10 });
        } catch (error) {
          assert.ok(error instanceof GatekeeperError, String(error));
          assert.equal(error.status, 400);
        }
      },
    ),
    { numRuns: 1000 },
  );
});

test('a service call with any arguments resolves or rejects with a GatekeeperError', async () => {
  const core = new gatekeeper.GatekeeperCore({ baseUrl: 'memory:' });
  const account = { email: 'anyone@example.com', password: 'a long password' };
  core.setToken((await new gatekeeper.AuthService(core).signup(account)).accessToken);
  const { operations } = JSON.parse(readFileSync(`${root}/tests/parity/surface.json`, 'utf8'));
  const harmless = Object.values(operations).filter(({ method }) => !method.startsWith('logout'));
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  // fast-check inspects the values that it generates; such a proxy throws then.
  const hostile = { P: proxy, L: { limit: proxy }, S: { signal: proxy } };
  const given = fc.oneof(anything(), fc.constantFrom(...Object.keys(hostile)));
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...harmless),
      fc.array(given, { maxLength: 5 }),
      async ({ service, method }, values) => {
        try {
          await new gatekeeper[service](core)[method](
            ...values.map((value) =>
              typeof value === 'string' && Object.hasOwn(hostile, value) ? hostile[value] : value,
            ),
          );
        } catch (error) {
          assert.ok(error instanceof GatekeeperError, String(error?.stack));
          assert.notEqual(error.status, 500);
        }
      },
    ),
    { numRuns: 2000 },
  );
});
