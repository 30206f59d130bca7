import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import vm from 'node:vm';
import {
  AuditService,
  BadRequestError,
  GatekeeperCore,
  KeysService,
  TenantsService,
  UsageService,
  initKeyManager,
} from 'gatekeeper-native';
import { root } from './helpers/support.mjs';

const { cases } = JSON.parse(readFileSync(`${root}/tests/cases/metadata-typescript.json`, 'utf8'));
/** Further values that JSON would silently drop or change. */
const MORE = [
  'undefined',
  '-Infinity',
  "'\\ud800'",
  'new Uint8Array(4)',
  'new DataView(new ArrayBuffer(4))',
  'new WeakMap()',
  'new Map().entries()',
  '/x/',
  'new (class Point { x = 1; #y = 2 })()',
  'Object.create({ inherited: 1 })',
  'new Number(1)',
  '[1, , 3]',
  "Object.assign([1], { name: 'x' })",
  "'ab'.match(/b/)",
  "({ [Symbol('s')]: 1 })",
  '({ toJSON: () => undefined })',
  'globalThis.Math',
  'function* () {}.prototype',
  '2 ** 53',
];

const core = new GatekeeperCore({ baseUrl: 'memory:', operator: true });
const keys = new KeysService(core);
const audit = new AuditService(core);
const usages = new UsageService(core);
const tenant = await new TenantsService(core).create('Acme Inc');
const keyManager = initKeyManager({ url: 'memory:', endpoints: {} });

for (const written of [...cases, ...MORE]) {
  test(`${written} in metadata is rejected by the name of its field, and never stored as another value`, async () => {
    const value = vm.runInThisContext(`(${written})`);
    const named = { metadata: { list: [{ at: value }] } };
    const isNamed = (message) => message.startsWith('metadata.list[0].at');
    const rejected = (error) => error instanceof BadRequestError && isNamed(error.message);
    await assert.rejects(keys.create({ tenantId: tenant.id, ...named }), rejected);
    await assert.rejects(audit.record({ tenantId: tenant.id, action: 'x.y', ...named }), rejected);
    const usage = { tenantId: tenant.id, service: 's', action: 'a', ...named };
    await assert.rejects(usages.record(usage), rejected);
    const { success, error, reason } = await keyManager.createUserAPIKey('user', [], named);
    assert.deepEqual([success, error], [false, 'invalidBody']);
    assert.ok(isNamed(reason), reason);
  });
}

test('JSON values of any realm are stored unchanged as metadata, and a date as its text', async () => {
  const date = new Date(0);
  const metadata = {
    text: 'é',
    numbers: [0, -1.5, 2 ** 53 - 1, 1e300],
    nothing: null,
    deep: { list: [[], {}], yes: true },
    date,
    url: new URL('https://example.com/'),
    ofAnotherRealm: vm.runInNewContext('({ a: [1] })'),
    withoutPrototype: Object.assign(Object.create(null), { b: 2 }),
    ['__proto__']: { c: 3 },
  };
  const { apiKey } = await keys.create({ tenantId: tenant.id, metadata });
  assert.deepEqual(apiKey.metadata, JSON.parse(JSON.stringify(metadata)));
  assert.equal(apiKey.metadata.date, '1970-01-01T00:00:00.000Z');
});

test('metadata that contains itself, or nests deeper than 126 levels, is rejected by name', async () => {
  const metadata = {};
  metadata.self = metadata;
  await assert.rejects(
    keys.create({ tenantId: tenant.id, metadata }),
    /metadata\.self.* must not nest deeper/,
  );
});

test('endpoints in an instance of a class are rejected: JSON would drop them', () => {
  const limit = { maxReq: 1, duration: 1000 };
  const endpoints = new Map([['GET', { default: limit }]]);
  for (const given of [endpoints, { GET: new Map([['default', limit]]) }]) {
    assert.throws(() => initKeyManager({ url: 'memory:', endpoints: given }), /^BadRequestError: endpoints/);
    assert.throws(
      () => new GatekeeperCore({ baseUrl: 'memory:', endpoints: given }),
      /^BadRequestError: endpoints/,
    );
  }
});
