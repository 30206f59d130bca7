// Metered usage of an API: an account, its tenant, a key with a scope, and quotas of the key and of the tenant.

import { GatekeeperCore, PlanLimitError } from 'gatekeeper-native';

const baseUrl = 'sqlite:gatekeeper.db';
const operator = new GatekeeperCore({ baseUrl, operator: true });
const core = new GatekeeperCore({ baseUrl });

/** Records the usage of one request, if the key may write and the quotas have room for it. */
async function serve(key: string, quantity: number, requestId: string): Promise<string> {
  const caller = await operator.keys.validate(key); // rejects with UnauthorizedError if the key is not valid
  if (!caller.scopes.includes('write')) return '403 the key needs the scope write';
  const { tenantId, id: apiKeyId } = caller;
  try {
    const { quota } = await operator.usage.checkAndRecord({
      tenantId,
      apiKeyId,
      service: 'inference',
      action: 'completion',
      quantity,
      idempotencyKey: requestId, // a request that is sent again counts once
    });
    return `${quota.used} of ${quota.limit} used`;
  } catch (error) {
    if (!(error instanceof PlanLimitError)) throw error;
    const { remaining } = await operator.usage.check(tenantId, quantity, apiKeyId);
    return `${error.status} ${error.code}, ${remaining} left`;
  }
}

const tokens = await core.auth.signup({
  email: 'founder@example.com',
  password: 'hunter2pass',
  name: 'Founder',
});
core.setToken(tokens.accessToken);
const tenant = await core.tenants.create('Acme Inc');
const quota = await operator.platform.setTenantQuota(tenant.id, { limit: 1000 });
console.log(`${tenant.name}: ${quota.limit} tokens a ${quota.period}`);

const created = await core.keys.create({
  tenantId: tenant.id,
  name: 'server-key',
  scopes: ['read', 'write'],
  quotaLimit: 100,
});
console.log(`${created.apiKey.name}: ${created.apiKey.quotaLimit} tokens a ${created.apiKey.quotaPeriod}`);
const key = created.plainTextKey;
console.log(`60 tokens: ${await serve(key, 60, 'request 1')}`);
console.log(`the same request again: ${await serve(key, 60, 'request 1')}`);
console.log(`60 tokens more: ${await serve(key, 60, 'request 2')}`);

const summary = await core.usage.summary(tenant.id);
console.log(`${tenant.name}: ${summary.totalUsage} tokens in ${summary.eventCount} request`);
await core.close();
await operator.close();
