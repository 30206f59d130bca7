// A program over the client that @hey-api/openapi-ts writes.
import assert from 'node:assert/strict';
import { createClient } from './hey-api/client/index.js';
import {
  authSignup,
  keyManagerCreateKey,
  keysCreate,
  keysList,
  keysValidate,
  keysVerify,
  tenantsCreate,
  type Failure,
} from './hey-api/index.js';

const { url, rootKey } = JSON.parse(process.env['GATEKEEPER_WORLD'] ?? '{}') as { url: string; rootKey: string };

function clientOf(auth?: string) {
  return createClient({ baseUrl: url, ...(auth === undefined ? {} : { auth: () => auth }) });
}

function dataOf<Data>({ data, error }: { data: { ok: true; data: Data } | undefined; error: unknown }): Data {
  assert.ok(data !== undefined, JSON.stringify(error));
  return data.data;
}

const anonymous = clientOf();
const account = { email: 'hey-api@example.com', password: 'a long password of ada' };
const tokens = dataOf(await authSignup({ client: anonymous, body: account }));
const owner = clientOf(tokens.accessToken);
const tenant = dataOf(await tenantsCreate({ client: owner, body: { name: 'Acme Inc' } }));
const created = dataOf(
  await keysCreate({ client: owner, body: { tenantId: tenant.id, scopes: ['read'], quotaPeriod: 'day' } }),
);
const status: 'active' | 'disabled' | 'revoked' | 'expired' = created.apiKey.status;
assert.equal(status, 'active');
const verdict = dataOf(
  await keysVerify({
    client: owner,
    body: { key: created.plainTextKey, endpoint: 'GET_TASKS', tenants: [tenant.id] },
  }),
);
assert.equal(verdict.code, 'valid');
const page = dataOf(await keysList({ client: owner, query: { tenantId: tenant.id, limit: 1 } }));
assert.equal(page.items[0]?.id, created.apiKey.id);
// An API key is a credential as well, in one header.
const asKey = clientOf(created.plainTextKey);
assert.equal((await keysList({ client: asKey, query: { tenantId: tenant.id } })).error?.code, 'forbidden');

const { error } = await keysValidate({ client: anonymous, body: { key: 'none' } });
const failure: Failure | undefined = error;
assert.equal(failure?.code, 'unauthorized');
const { data: made } = await keyManagerCreateKey({ client: clientOf(rootKey), body: { prefix: 'user' } });
assert.equal(made?.success, true);
const { error: rejection } = await keyManagerCreateKey({ client: clientOf(rootKey), body: { prefix: '' } });
assert.equal(rejection?.error, 'invalidBody');
console.log('done');
