// A program over the types that openapi-typescript writes, which compiles where they are what the server answers.
import assert from 'node:assert/strict';
import createClient from 'openapi-fetch';
import type { components, paths } from './openapi-typescript/schema.js';

const { url, rootKey } = JSON.parse(process.env['GATEKEEPER_WORLD'] ?? '{}') as { url: string; rootKey: string };

function clientOf(token?: string) {
  const headers = token === undefined ? {} : { Authorization: `Bearer ${token}` };
  return createClient<paths>({ baseUrl: url, headers });
}

function dataOf<Data>({ data, error }: { data?: { ok: true; data: Data }; error?: unknown }): Data {
  assert.ok(data !== undefined, JSON.stringify(error));
  return data.data;
}

const anonymous = clientOf();
const account = { email: 'openapi-typescript@example.com', password: 'a long password of ada' };
const tokens = dataOf(await anonymous.POST('/v1/auth/signup', { body: account }));
const owner = clientOf(tokens.accessToken);
const tenant = dataOf(await owner.POST('/v1/tenants', { body: { name: 'Acme Inc' } }));
const created = dataOf(
  await owner.POST('/v1/keys', { body: { tenantId: tenant.id, scopes: ['read'], quotaPeriod: 'day' } }),
);
const status: 'active' | 'disabled' | 'revoked' | 'expired' = created.apiKey.status;
assert.equal(status, 'active');
const verdict = dataOf(
  await owner.POST('/v1/keys/verify', {
    body: { key: created.plainTextKey, endpoint: 'GET_TASKS', tenants: [tenant.id] },
  }),
);
assert.equal(verdict.code, 'valid');
const page = dataOf(await owner.GET('/v1/keys', { params: { query: { tenantId: tenant.id, limit: 1 } } }));
assert.deepEqual(page.items, [{ ...created.apiKey, lastUsedAt: page.items[0]?.lastUsedAt }]);

const { error } = await anonymous.POST('/v1/keys/validate', { body: { key: 'none' } });
const code: components['schemas']['Failure']['code'] | undefined = error?.code;
assert.equal(code, 'unauthorized');
// @ts-expect-error the server never sends what a client makes of a connection that failed
const never: components['schemas']['Failure']['code'] = 'connection_error';
assert.ok(never);

const manager = clientOf(rootKey);
const { data: made } = await manager.POST('/api/v1/keys', { body: { prefix: 'user', roles: ['PRO'] } });
assert.equal(made?.success, true);
const { data: rotated } = await manager.POST('/api/v1/keys/rotate', { body: { id: made.id } });
assert.ok(rotated?.apikey.startsWith('user_'));
const { error: rejection } = await manager.POST('/api/v1/keys', { body: { prefix: '' } });
assert.equal(rejection?.error, 'invalidBody');
console.log('done');
