// The GatekeeperCore quickstart in Node, with one error of each kind. Prints a line of JSON for each step.

import {
  AuthService,
  GatekeeperCore,
  GatekeeperError,
  KeysService,
  TenantsService,
  UsageService,
} from 'gatekeeper-native';

const [baseUrl] = process.argv.slice(2);
const email = 'node@example.com';
const password = 'hunter2pass';

const row = (what, answer) => console.log(JSON.stringify([what, answer]));

/** Runs a call that must fail, and prints its error. */
async function failing(what, call) {
  try {
    await call();
    row(what, 'did not fail');
  } catch (error) {
    if (!(error instanceof GatekeeperError)) throw error;
    row(what, `${error.status} ${error.code}`);
  }
}

const core = new GatekeeperCore({ baseUrl });
const auth = new AuthService(core);
const tenants = new TenantsService(core);
const { accessToken, expiresIn, user } = await auth.signup({ email, password, name: 'Founder' });
row('sign up', `user ${user.name}, token for ${expiresIn} s`);
core.setToken(accessToken);
const tenant = await tenants.create('Acme Inc');
row('create a tenant', `${tenant.name}, role ${tenant.role}`);

const keys = new KeysService(core);
const usage = new UsageService(core);
const { apiKey } = await keys.create({
  tenantId: tenant.id,
  name: 'server-key',
  scopes: ['read', 'write'],
  quotaLimit: 2,
});
row('create a key with a quota of 2', `${apiKey.name}, ${apiKey.status}`);
const inference = { tenantId: tenant.id, apiKeyId: apiKey.id, service: 'inference', action: 'completion' };
const event = await usage.record({ ...inference, quantity: 1 });
row('record usage', `${event.service}.${event.action}, quantity ${event.quantity}`);
await failing('check and record more', () => usage.checkAndRecord({ ...inference, quantity: 2 }));

await failing('a wrong password', () => auth.login({ email, password: 'not the password' }));
const guest = core.withToken((await auth.signup({ email: `guest-of-${email}`, password })).accessToken);
const { id } = await new AuthService(guest).me();
await tenants.addMember(tenant.id, id);
await failing('a member removes the tenant', () => new TenantsService(guest).remove(tenant.id));
await tenants.removeMember(tenant.id, id);
await failing('a stranger looks at the tenant', () => new TenantsService(guest).get(tenant.id));
await core.close();
