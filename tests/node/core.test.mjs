import assert from 'node:assert/strict';
import { existsSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { inspect } from 'node:util';
import { test } from 'node:test';
import { createLocalJWKSet, jwtVerify } from 'jose';
import {
  AuthService,
  BadRequestError,
  GatekeeperCore,
  GatekeeperError,
  isMfaChallenge,
  NotFoundError,
  PlatformService,
  RequestTimeoutError,
  TenantsService,
  UnauthorizedError,
} from 'gatekeeper-native';
import { databaseOf, root, run, secret } from './helpers/support.mjs';

const login = { email: 'founder@example.com', password: 'hunter2pass' };
const founder = { ...login, name: 'Founder' };

async function signedUp(options = {}) {
  const core = new GatekeeperCore({ baseUrl: 'memory:', ...options });
  const tokens = await new AuthService(core).signup(founder);
  core.setToken(tokens.accessToken);
  return { core, tokens };
}

test('calls use the token that was set last, and undefined clears it', async () => {
  const { core, tokens } = await signedUp();
  const auth = new AuthService(core);
  assert.equal((await auth.me()).email, founder.email);
  core.setToken(undefined);
  await assert.rejects(auth.me(), UnauthorizedError);
  assert.equal((await new AuthService(core.withToken(tokens.accessToken)).me()).name, 'Founder');
  await assert.rejects(auth.me(), { status: 401, code: 'unauthorized' });
});

test('the published keys verify an access token', async () => {
  const { core, tokens } = await signedUp({ issuer: 'https://issuer.example', audience: 'an api' });
  const keys = createLocalJWKSet(await core.jwks());
  const { payload, protectedHeader } = await jwtVerify(tokens.accessToken, keys, {
    issuer: 'https://issuer.example',
    audience: 'an api',
    typ: 'at+jwt',
    algorithms: ['EdDSA'],
  });
  assert.equal(payload.sub, tokens.user.id);
  assert.equal(payload.exp - payload.iat, 900);
  assert.ok(protectedHeader.kid);
  const requiredClaims = ['iss', 'exp', 'aud', 'sub', 'client_id', 'iat', 'jti'];
  await jwtVerify(tokens.accessToken, keys, { typ: 'at+jwt', requiredClaims });
  await assert.rejects(jwtVerify(tokens.accessToken, keys, { audience: 'another' }));
  const other = createLocalJWKSet(await new GatekeeperCore({ baseUrl: 'memory:' }).jwks());
  await assert.rejects(jwtVerify(tokens.accessToken, other));
});

test('jose verifies RS256 tokens from before a rotation and after it', async () => {
  const core = new GatekeeperCore({ baseUrl: 'memory:', signingAlgorithm: 'RS256', operator: true });
  const before = (await new AuthService(core).signup(founder)).accessToken;
  const made = await new PlatformService(core).rotateSigningKey({ activateNow: true });
  const after = (await new AuthService(core).login(login)).accessToken;
  const keys = createLocalJWKSet(await core.jwks());
  const [old, fresh] = await Promise.all(
    [before, after].map((token) => jwtVerify(token, keys, { algorithms: ['RS256'], audience: 'gatekeeper' })),
  );
  assert.equal(fresh.protectedHeader.kid, made.kid);
  assert.notEqual(old.protectedHeader.kid, made.kid);
});

test('a login returns tokens or an MFA challenge', async () => {
  const { core } = await signedUp();
  const answer = await new AuthService(core).login(login);
  assert.equal(isMfaChallenge(answer), false);
  assert.equal(isMfaChallenge({ mfaRequired: true, challengeToken: 'x' }), true);
});

test('results are deeply frozen', async () => {
  const { tokens } = await signedUp();
  assert.ok(Object.isFrozen(tokens) && Object.isFrozen(tokens.user));
});

test('a signal aborts a call at once, with its own reason', async () => {
  const { core } = await signedUp();
  const auth = new AuthService(core);
  const reason = new Error('the client went away');
  await assert.rejects(auth.me({ signal: AbortSignal.abort(reason) }), reason);

  const controller = new AbortController();
  const given = auth.login(login, { signal: controller.signal });
  controller.abort(reason);
  await assert.rejects(given, reason);
  await assert.rejects(auth.login(login, { signal: AbortSignal.timeout(1) }), { name: 'TimeoutError' });
  assert.equal((await auth.me({ signal: new AbortController().signal })).email, founder.email);
});

test('a signal of another realm or of a polyfill aborts a call, and another value is rejected by name', async () => {
  const { core } = await signedUp();
  const auth = new AuthService(core);
  // Like old polyfills: another class, and no reason.
  class Signal extends EventTarget {
    aborted = false;
  }
  const signal = new Signal();
  const given = auth.login(login, { signal });
  signal.dispatchEvent(new Event('abort'));
  await assert.rejects(given, { name: 'AbortError' });
  signal.aborted = true;
  await assert.rejects(auth.me({ signal }), { name: 'AbortError' });
  const throwing = { aborted: false, addEventListener: () => assert.fail(), removeEventListener: () => {} };
  for (const none of [null, {}, 5, 'x', new EventTarget(), { aborted: false }, throwing]) {
    await assert.rejects(auth.me({ signal: none }), /^BadRequestError: signal/);
  }
});

test('a call that exceeds its timeout is rejected, but may still be carried out', async () => {
  const core = new GatekeeperCore({ baseUrl: 'memory:' });
  const auth = new AuthService(core);
  const late = auth.signup(founder, { timeout: 1 });
  await assert.rejects(late, (error) => error instanceof RequestTimeoutError && error.status === 0);
  for (;;) {
    const again = await auth.signup(founder).catch((error) => error);
    if (again.status === 409) break;
  }
  for (const timeout of [0, -1, NaN, Infinity, '1', null]) {
    await assert.rejects(auth.me({ timeout }), BadRequestError);
  }
  await assert.rejects(auth.me({ timeuot: 1 }), /"timeuot" is not an option/);
  assert.equal((await auth.login(login, { timeout: 2 ** 40 })).expiresIn, 900);
});

test('arguments of a wrong type or that JSON cannot represent are rejected by name', async () => {
  const { core } = await signedUp();
  const tenants = new TenantsService(core);
  const auth = new AuthService(core);
  const rejected = (call, message) =>
    assert.rejects(call, (error) => error instanceof BadRequestError && message.test(error.message));
  await rejected(tenants.create(), /name is missing/);
  await rejected(tenants.create(5), /name must be a string/);
  await rejected(tenants.create('\ud800'), /name must be well-formed Unicode/);
  await rejected(tenants.list({ limit: NaN }), /limit must be a JSON value/);
  await rejected(tenants.list({ limt: 1 }), /limt is not known here/);
  await rejected(tenants.list({ 'a":1,"limit': 1 }), /is not known here/);
  await rejected(tenants.list(5), /options must be an object/);
  await rejected(tenants.update('x', { tenantId: 'y' }), /tenantId is given twice/);
  await rejected(auth.signup({ ...founder, emailVerified: true }), /emailVerified is not known here/);
  await rejected(auth.signup(null), /options must be an object/);
  assert.throws(() => new AuthService({}), BadRequestError);
  assert.throws(() => new AuthService(), BadRequestError);
});

test('the rejection of an option of a core names it', () => {
  const limits = { GET: { default: { maxReq: 1, duration: 1 } } };
  const wrong = [
    [null, /must be an object/],
    [{ baseUrl: 5 }, /^baseUrl/],
    [{ baseUrl: 'mysql:db' }, /mysql: is not a database/],
    [{ baseUrl: 'http://user:canary@localhost' }, /^url: .*as the token/],
    [
      { baseUrl: 'http://localhost', operator: true },
      /^operator is only available with an embedded database/,
    ],
    [{ baseUrl: 'http://localhost', clock: 'manual' }, /^clock: .* memory:/],
    [
      { baseUrl: 'http://localhost', secret: 'a secret of 16 bytes' },
      /^secret: only available with an embedded database/,
    ],
    [
      { baseUrl: 'http://localhost', previousSecret: 'a secret of 16 bytes' },
      /^previousSecret: only available with an embedded database/,
    ],
    [
      { baseUrl: 'http://localhost', endpoints: limits },
      /^endpoints: only available with an embedded database/,
    ],
    [{ baseUrl: 'memory:', token: null }, /^token/],
    [{ baseUrl: 'memory:', token: 'x', operator: true }, /^operator and token/],
    [{ baseUrl: 'memory:', operator: 1 }, /^operator/],
    [{ baseUrl: 'memory:', timeout: 0 }, /^timeout/],
    [{ baseUrl: 'memory:', maxRetries: 1.5 }, /^maxRetries/],
    [{ baseUrl: 'memory:', maxRetries: 11 }, /^maxRetries/],
    [{ baseUrl: 'memory:', defaultHeaders: { 'a b': 'c' } }, /^defaultHeaders/],
    [{ baseUrl: 'memory:', defaultHeaders: { a: 'b\r\nc: d' } }, /^defaultHeaders\.a/],
    [
      { baseUrl: 'memory:', defaultHeaders: { Authorization: 'b' } },
      /^defaultHeaders\.Authorization is set by the client/,
    ],
    [{ baseUrl: 'memory:', userAgent: 'a\nb' }, /^userAgent/],
    [{ baseUrl: 'memory:', endpoints: [] }, /^endpoints/],
    [{ baseUrl: 'memory:', endpoints: { GET: { default: { maxReq: 0, duration: 1 } } } }, /^endpoints\.GET/],
    [{ baseUrl: 'memory:', secret: 'too short' }, /at least 16 bytes/],
    [{ baseUrl: 'memory:', refreshGraceMs: -1 }, /^refreshGraceMs/],
    [{ baseUrl: 'memory:', signingAlgorithm: 'HS256' }, /^signingAlgorithm must be one of EdDSA, RS256/],
    [{ baseUrl: 'memory:', usageRetentionDays: 0 }, /^usageRetentionDays/],
    [{ baseUrl: 'memory:', sessionDays: 0 }, /^sessionDays must be a whole number from 1 to 3650/],
    [
      { baseUrl: 'memory:', sessionsPerUser: 10_001 },
      /^sessionsPerUser must be a whole number from 1 to 10000/,
    ],
    [{ baseUrl: 'memory:', signupsPerMinute: 0 }, /^signupsPerMinute must be a whole number from 1/],
    [{ baseUrl: 'memory:', refreshesPerMinute: -1 }, /^refreshesPerMinute/],
    [{ baseUrl: 'memory:', wrongKeysPerMinute: 2 ** 32 }, /^wrongKeysPerMinute/],
    [
      { baseUrl: 'memory:', wrongPasswordsPerMinute: 0 },
      /^wrongPasswordsPerMinute must be a whole number from 1/,
    ],
    [{ baseUrl: 'memory:', keyImports: 'everyone' }, /^keyImports must be one of root, members/],
    [
      { baseUrl: 'memory:', importSuffixesPerTenant: 0 },
      /^importSuffixesPerTenant must be a whole number from 1 to 64/,
    ],
    [{ baseUrl: 'memory:', importSuffixes: 65 }, /^importSuffixes must be a whole number from 1 to 64/],
    [{ baseUrl: 'memory:', cacheKeys: 1e10 }, /^cacheKeys/],
    [{ baseUrl: 'memory:', clock: 'sundial' }, /^clock must be one of system, manual/],
    [{ baseUrl: 'memory:', tokn: 'x' }, /^tokn is not known/],
  ];
  for (const [options, message] of wrong) {
    assert.throws(
      () => new GatekeeperCore(options),
      (error) => error instanceof BadRequestError && message.test(error.message),
      String(message),
    );
  }
  const accepted = { timeout: 5, maxRetries: 0, defaultHeaders: { 'X-A': 'b' }, userAgent: 'me/1' };
  new GatekeeperCore({ baseUrl: 'memory:', ...accepted });
});

test('a core can be closed twice, by close or by await using', async () => {
  const { core } = await signedUp();
  await core[Symbol.asyncDispose]();
  await core.close();
  await assert.rejects(new AuthService(core).me(), /closed/);
  await assert.rejects(core.jwks(), /closed/);
});

test('a manual clock stands still until it is moved', async () => {
  const { core } = await signedUp({ clock: 'manual' });
  const auth = new AuthService(core);
  await auth.me();
  core.advance(900_000);
  await assert.rejects(auth.me(), UnauthorizedError);
  assert.throws(() => core.advance(-1), BadRequestError);
  const system = new GatekeeperCore({ baseUrl: 'memory:' });
  assert.throws(() => system.advance(1), BadRequestError);
});

test('failed logins are counted per client address', async () => {
  const { core } = await signedUp();
  const from = (clientAddress) => new AuthService(core.withClientAddress(clientAddress));
  const wrong = { email: founder.email, password: 'not the password' };
  await from('192.0.2.2').login(login);
  let error;
  for (let turn = 0; turn < 20 && error?.status !== 429; turn += 1) {
    error = await from('192.0.2.1')
      .login(wrong)
      .catch((rejection) => rejection);
  }
  assert.equal(error.code, 'rate_limited');
  assert.ok(error.retryAfter >= 1, String(error.retryAfter));
  assert.equal((await from('192.0.2.2').login(login)).user.name, 'Founder');
});

test('failed password changes are throttled like logins', async () => {
  const { core, tokens } = await signedUp();
  const thief = new AuthService(core.withClientAddress('198.51.100.9', { token: tokens.accessToken }));
  const change = (currentPassword) =>
    thief.changePassword({ currentPassword, newPassword: 'another long one' });
  for (let guess = 0; guess < 5; guess += 1) {
    await assert.rejects(change(`guess ${guess}`), { status: 401 });
  }
  await assert.rejects(change(login.password), { status: 429, code: 'rate_limited', retryAfter: 60 });
});

test('failed logins of a client address are limited over all accounts', async () => {
  const core = new GatekeeperCore({ baseUrl: 'memory:', wrongPasswordsPerMinute: 2 });
  const guess = (host, account) =>
    new AuthService(core.withClientAddress(host)).login({
      email: `a${account}@example.com`,
      password: 'not the password',
    });
  // Addresses of one IPv6 network of 64 bits.
  await assert.rejects(guess('2001:db8::1', 1), { status: 401 });
  await assert.rejects(guess('2001:db8::2', 2), { status: 401 });
  await assert.rejects(guess('2001:db8::3', 3), {
    status: 429,
    details: { rateLimit: { name: 'credential', total: 2, windowSeconds: 60 } },
  });
});

test('the environment sets the URL and the token', async () => {
  const { GATEKEEPER_URL, GATEKEEPER_TOKEN } = process.env;
  try {
    process.env.GATEKEEPER_URL = 'memory:';
    process.env.GATEKEEPER_TOKEN = 'canary';
    await assert.rejects(new AuthService(GatekeeperCore.fromEnv()).me(), UnauthorizedError);
    const operator = GatekeeperCore.fromEnv({ operator: true });
    const id = 'tnt_00000000000000000000000001';
    await assert.rejects(new TenantsService(operator).get(id), NotFoundError);
    process.env.GATEKEEPER_URL = 'http://localhost:8787';
    await assert.rejects(GatekeeperCore.fromEnv({ maxRetries: 0, timeout: 1 }).jwks(), { status: 0 });
  } finally {
    for (const [name, value] of Object.entries({ GATEKEEPER_URL, GATEKEEPER_TOKEN })) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  }
});

test('a changed secret causes a warning, and with the previous secret all tokens stay valid', async (t) => {
  const path = databaseOf(t);
  // Each runs in a new process: a process opens a database with one secret only.
  const using = async (options, body) => {
    const program = `
      import { AuthService, GatekeeperCore } from 'gatekeeper-native';
      const warnings = [];
      process.on('warning', ({ message }) => warnings.push(message));
      const core = new GatekeeperCore(JSON.parse(process.argv[1]));
      const account = { email: 'founder@example.com', password: 'hunter2pass' };
      const isAccepted = (token) => new AuthService(core.withToken(token)).me().then(() => true, () => false);
      const answer = await (async () => { ${body} })();
      setImmediate(() => console.log(JSON.stringify({ answer, warnings })));
    `;
    const options_ = JSON.stringify({ baseUrl: path, ...options });
    const { stdout } = await run(process.execPath, ['--input-type=module', '-e', program, options_], {
      cwd: root,
    });
    return JSON.parse(stdout);
  };
  const first = await using({ secret }, 'return (await new AuthService(core).signup(account)).accessToken;');
  const isFirstAccepted = `await isAccepted('${first.answer}')`;
  const other = 'another secret, as long';
  const changed = await using(
    { secret: other },
    `return [(await new AuthService(core).login(account)).user.email, ${isFirstAccepted}];`,
  );
  assert.deepEqual(changed.answer, [founder.email, false]);
  assert.match(changed.warnings.join(), /cannot be opened with this secret: 1/);
  const both = await using({ secret: other, previousSecret: secret }, `return ${isFirstAccepted};`);
  assert.deepEqual(both, { answer: true, warnings: [] });
  assert.equal((await using({ secret: other }, `return ${isFirstAccepted};`)).answer, true);
});

test('a generated secret file causes one warning, and only its owner may read it', async (t) => {
  const path = databaseOf(t);
  const program = `
    import { AuthService, GatekeeperCore } from 'gatekeeper-native';
    process.on('warning', ({ name, message }) => console.log(name, message));
    const auth = new AuthService(new GatekeeperCore({ baseUrl: process.argv[1] }));
    await auth.signup({ email: 'founder@example.com', password: 'hunter2pass' });
    await auth.login({ email: 'founder@example.com', password: 'hunter2pass' });
  `;
  const environment = { ...process.env };
  delete environment.GATEKEEPER_SECRET;
  const warningsOfFirstLogin = async () =>
    (
      await run(process.execPath, ['--input-type=module', '-e', program, path], {
        cwd: root,
        env: environment,
      }).catch(({ stdout, stderr }) => ({ stdout: stdout || stderr }))
    ).stdout;
  const first = await warningsOfFirstLogin();
  assert.equal(first.split('GatekeeperWarning').length, 3, first);
  assert.ok(first.includes(`${path}-secret`));
  assert.ok(first.includes(`created the database ${path}\n`));
  assert.equal(statSync(`${path}-secret`).mode & 0o777, 0o600);
});

test('nothing is opened before the first call, and derived cores share one database', async (t) => {
  const path = databaseOf(t);
  const one = new GatekeeperCore({ baseUrl: path, secret });
  const two = new GatekeeperCore({ baseUrl: `sqlite:${path}`, secret });
  assert.equal(existsSync(path), false);
  await new AuthService(one).signup(founder);
  assert.equal((await new AuthService(two).login(login)).user.email, founder.email);
});

test('a core shows no token, and errors are one class by import and by require', async () => {
  const { core, tokens } = await signedUp();
  assert.ok(!inspect(core, { showHidden: true, depth: 9 }).includes(tokens.accessToken));
  const required = createRequire(import.meta.url)('gatekeeper-native');
  assert.equal(required.AuthService, AuthService);
  assert.equal(required.GatekeeperCore, GatekeeperCore);
  const error = await new TenantsService(core).get('tnt_00000000000000000000000001').catch((e) => e);
  assert.ok(error instanceof GatekeeperError && error instanceof required.NotFoundError);
});
