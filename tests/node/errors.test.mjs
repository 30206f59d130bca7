import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import * as esm from 'gatekeeper-native';
import { endpoints, inMemory, native } from './helpers/support.mjs';

const require = createRequire(import.meta.url);
const cjs = require('gatekeeper-native');
const { GatekeeperError, initKeyManager } = esm;

const classes = Object.values(esm).filter((value) => Object.getPrototypeOf(value) === GatekeeperError);

const account = { email: 'founder@example.com', password: 'hunter2pass' };

/** A second copy of the package in this process, as from a bundle or a nested node_modules. */
function anotherCopy() {
  const kept = { ...require.cache };
  for (const path of Object.keys(require.cache)) if (path.includes('/dist/')) delete require.cache[path];
  try {
    return require('gatekeeper-native');
  } finally {
    Object.assign(require.cache, kept);
  }
}

test('every error code of the core has a class with its status', () => {
  const table = JSON.parse(native.errorTable());
  assert.ok(table.length >= 15);
  const errors = classes.map((Class) => new Class('why'));
  for (const { code, status } of table) {
    assert.deepEqual(
      errors.filter((error) => error.code === code).map((error) => error.status),
      [status],
      code,
    );
  }
  assert.equal(new Set(table.map(({ code }) => code)).size, errors.length);
});

test('an error has the given properties and no others', () => {
  const cause = new Error('underneath');
  const error = new esm.RateLimitedError('slow down', {
    retryAfter: 3,
    requestId: 'r',
    details: { a: 1 },
    cause,
  });
  const { status, code, message, retryAfter, requestId, details, name } = error;
  assert.deepEqual(
    { status, code, message, retryAfter, requestId, details, name },
    {
      status: 429,
      code: 'rate_limited',
      message: 'slow down',
      retryAfter: 3,
      requestId: 'r',
      details: { a: 1 },
      name: 'RateLimitedError',
    },
  );
  assert.equal(error.cause, cause);
  assert.match(error.stack, /^RateLimitedError: slow down\n {4}at .*errors\.test\.mjs/);
  assert.deepEqual(Object.keys(new esm.InternalError('x')), ['status', 'code']);
});

test('import and require return the same classes', () => {
  for (const name of Object.keys(cjs)) assert.equal(esm[name], cjs[name], name);
  assert.deepEqual(new Set(Object.keys(esm)), new Set(Object.keys(cjs)));
});

test('instanceof holds across copies of the package, by class', () => {
  const other = anotherCopy();
  assert.notEqual(other.GatekeeperError, GatekeeperError);
  for (const Class of classes) {
    const error = new other[Class.name]('why');
    assert.ok(error instanceof GatekeeperError && error instanceof Class && error instanceof Error);
    for (const Another of classes) assert.equal(error instanceof Another, Another === Class, Another.name);
  }
  assert.ok(!(new other.GatekeeperError('why', { status: 418 }) instanceof esm.BadRequestError));
  class Derived extends GatekeeperError {}
  assert.ok(new Derived('why', { status: 500 }) instanceof GatekeeperError);
  assert.ok(!(new other.GatekeeperError('why', { status: 500 }) instanceof Derived));
  for (const value of [null, undefined, 5, 'x', {}, new Error('x'), Symbol('x')])
    assert.ok(!(value instanceof GatekeeperError));
});

test('a service accepts a core of another copy of the package, and no look-alike', async () => {
  const core = new (anotherCopy().GatekeeperCore)({ baseUrl: 'memory:' });
  assert.ok(core instanceof esm.GatekeeperCore);
  assert.equal((await new esm.AuthService(core).signup(account)).user.email, account.email);
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  for (const value of [null, undefined, 5, {}, { _call: () => 5 }, proxy]) {
    assert.throws(() => new esm.AuthService(value), badRequest(/core/));
    assert.throws(() => new esm.GatekeeperCore(proxy), badRequest(/options/));
  }
});

test('initKeyManager throws 400 for a wrong limit, naming the endpoint and the field', () => {
  const bad = [
    0,
    -1,
    1.5,
    NaN,
    Infinity,
    -Infinity,
    2 ** 32,
    1e300,
    '10',
    null,
    undefined,
    10n,
    {},
    [],
    true,
    Symbol('x'),
    () => 10,
  ];
  for (const maxReq of bad) {
    const wrong = { endpoints: { GET_TASKS: { default: { maxReq, duration: 1000 } } } };
    assert.throws(() => initKeyManager(wrong), badRequest(/endpoints\.GET_TASKS\.default\.maxReq/));
  }
  for (const duration of [...bad.filter((value) => value !== 2 ** 32), 31_622_400_001]) {
    const roles = { PRO: { maxReq: 1, duration } };
    const wrong = { endpoints: { GET_TASKS: { default: { maxReq: 1, duration: 1 }, roles } } };
    assert.throws(() => initKeyManager(wrong), badRequest(/endpoints\.GET_TASKS\.roles\.PRO\.duration/));
  }
});

test('initKeyManager throws 400 for a malformed endpoint, and names it', () => {
  const limit = { maxReq: 1, duration: 1 };
  for (const [wrong, message] of [
    [undefined, /endpoints/],
    [null, /endpoints/],
    [[], /endpoints/],
    ['GET', /endpoints/],
    [5n, /endpoints/],
    [{ GET: 5 }, /endpoints\.GET/],
    [{ GET: null }, /endpoints\.GET/],
    [{ GET: {} }, /endpoints\.GET\.default/],
    [{ GET: { default: limit, role: {} } }, /endpoints\.GET\.role/],
    [{ GET: { default: limit, roles: [] } }, /endpoints\.GET\.roles/],
    [{ GET: { default: limit, roles: { '': limit } } }, /endpoints\.GET\.roles/],
    [{ GET: { default: { ...limit, max: 1 } } }, /endpoints\.GET\.default\.max/],
    [{ '\ud800': { default: limit } }, /endpoints/],
    [{ GET: { default: { maxReq: '\ud800', duration: 1 } } }, /endpoints\.GET\.default\.maxReq/],
  ]) {
    assert.throws(() => initKeyManager({ endpoints: wrong }), badRequest(message));
  }
  const circle = {};
  circle.GET = circle;
  assert.throws(() => initKeyManager({ endpoints: circle }), badRequest(/endpoints/));
  initKeyManager({ url: 'memory:', endpoints: {} });
});

test('initKeyManager throws 400 for a wrong URL or option, and names it without repeating it', () => {
  for (const url of [
    '',
    'memory:x',
    'sqlite:',
    'postgres://u:canary@h/d',
    'http://user:canary@host',
    'https://host?canary',
    'http:canary',
    'mysql:canary',
    5,
    null,
    '\ud800',
    'a\0',
  ]) {
    assert.throws(() => initKeyManager({ url, endpoints }), badRequest(/^url/));
    assert.throws(
      () => initKeyManager({ url, endpoints }),
      ({ message }) => !message.includes('canary'),
    );
  }
  for (const name of ['cacheKeys', 'cacheUnknownKeys']) {
    for (const size of [-1, 0.5, NaN, Infinity, 1e15, '5', null, 5n, {}]) {
      assert.throws(() => inMemory({ [name]: size }), badRequest(new RegExp(name)), String(size));
    }
  }
  for (const rootAPIKey of [null, 5, 5n, {}, ['x']])
    assert.throws(() => inMemory({ rootAPIKey }), badRequest(/rootAPIKey/));
  const http = {
    timeout: [0, -1, NaN, Infinity, '1', null],
    maxRetries: [-1, 11, 1.5, '1', null],
    defaultHeaders: [{ 'a b': 'c' }, { a: 'b\n' }, { a: 1 }, { 'Content-Length': '1' }, 'a: b', null],
    userAgent: ['a\nb', 'é', 5, null],
  };
  for (const [name, values] of Object.entries(http)) {
    for (const value of values) {
      assert.throws(() => inMemory({ [name]: value }), badRequest(new RegExp(name)), String(value));
    }
  }
  for (const clock of ['fast', null, 5, {}]) assert.throws(() => inMemory({ clock }), badRequest(/clock/));
  assert.throws(() => inMemory({ rootApiKey: 'x' }), badRequest(/rootApiKey/));
  for (const nothing of [undefined, null, 5, 'memory:'])
    assert.throws(() => initKeyManager(nothing), badRequest(/options/));
  inMemory({ rootAPIKey: undefined, clock: undefined, cacheKeys: undefined, url: 'memory:' });
});

function badRequest(message) {
  return (error) => {
    assert.ok(error instanceof esm.BadRequestError && error instanceof GatekeeperError, String(error));
    assert.deepEqual([error.status, error.code], [400, 'bad_request']);
    assert.match(error.message, message);
    return true;
  };
}
