// Compiled by tsc --strict, never run. `@ts-expect-error` marks code that must not compile.
import {
  AuthService,
  GatekeeperCore,
  GatekeeperError,
  RateLimitedError,
  TenantsService,
  initKeyManager,
  isMfaChallenge,
  type AdmittedUserAPIKey,
  type CoreKeyManager,
  type Endpoints,
  type ForbiddenUserAPIKey,
  type GatekeeperErrorCode,
  type InvalidUserAPIKey,
  type KeyManager,
  type KeyVerdict,
  type KeyVerdictRateLimited,
  type Member,
  type MemberRole,
  type MfaChallenge,
  type Page,
  type RateLimitedUserAPIKey,
  type Tenant,
  type Tokens,
  type ValidUserAPIKey,
  type VerdictCode,
  type VerifyUserAPIKeyResult,
} from 'gatekeeper-native';

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const holds = <_ extends true>(): void => {};

const keyManager = initKeyManager({
  rootAPIKey: process.env['KEY_MANAGER_ROOT_KEY'],
  url: 'memory:',
  endpoints: {
    GET_TASKS: {
      default: { maxReq: 10, duration: 60_000 },
      roles: { PRO: { maxReq: 1000, duration: 60_000 } },
    },
    PUT_TASKS: { default: { maxReq: 10, duration: 60_000 } },
  },
});
holds<Same<typeof keyManager, KeyManager<'GET_TASKS' | 'PUT_TASKS'>>>();

export const { createUserAPIKey, verifyUserAPIKey, verifyUserAPIKeySync, addRoles } = keyManager;

verifyUserAPIKeySync('user_x', 'GET_TASKS', ['task_id'] as const);
// @ts-expect-error an undefined endpoint
verifyUserAPIKeySync('user_x', 'GET_TASK');
// @ts-expect-error the same, awaited
void verifyUserAPIKey('user_x', 'get_tasks');
// @ts-expect-error a bare string is no list of variables
verifyUserAPIKeySync('user_x', 'GET_TASKS', 'task_id');
// @ts-expect-error a number is no variable
verifyUserAPIKeySync('user_x', 'GET_TASKS', [5]);
// @ts-expect-error a key is a string
verifyUserAPIKeySync(5, 'GET_TASKS');
// @ts-expect-error no endpoint
verifyUserAPIKeySync('user_x');
verifyUserAPIKeySync('user_x', 'GET_TASKS', undefined, { scopes: ['read'] as const, cost: 5 });
verifyUserAPIKeySync('user_x', 'GET_TASKS', [], { scopes: undefined, clientAddress: undefined });
// @ts-expect-error a misspelt option
verifyUserAPIKeySync('user_x', 'GET_TASKS', [], { scope: ['read'] });
// @ts-expect-error a bare string is no list of scopes
verifyUserAPIKeySync('user_x', 'GET_TASKS', [], { scopes: 'read' });
// @ts-expect-error a cost is a number
void verifyUserAPIKey('user_x', 'GET_TASKS', [], { cost: '5' });
// @ts-expect-error advance exists only with the manual clock
keyManager.advance(5);

initKeyManager({ url: 'memory:', clock: 'manual', endpoints: {} }).advance(5);
initKeyManager({ endpoints: { GET: { default: '10/minute', roles: { PRO: '100/15 minutes' } } } });
// @ts-expect-error not a limit
initKeyManager({ endpoints: { GET: { default: 'ten a minute' } } });
// @ts-expect-error no endpoint is defined
initKeyManager({ endpoints: {} }).verifyUserAPIKeySync('user_x', 'ANY');
// @ts-expect-error no endpoints
initKeyManager({ url: 'memory:' });
// @ts-expect-error an endpoint without a default
initKeyManager({ endpoints: { GET: { roles: {} } } });
// @ts-expect-error a limit without a duration
initKeyManager({ endpoints: { GET: { default: { maxReq: 5 } } } });
// @ts-expect-error a root key that is null
initKeyManager({ endpoints: {}, rootAPIKey: null });

declare const core: GatekeeperCore;
const ofCore = initKeyManager({ core, rootAPIKey: 'gkr_x', endpoints: { GET: { default: '10/minute' } } });
holds<Same<typeof ofCore, CoreKeyManager<'GET'>>>();
ofCore.advance?.(5);
// @ts-expect-error the clock of the core may be the system's
ofCore.advance(5);
// @ts-expect-error an undefined endpoint
ofCore.verifyUserAPIKeySync('user_x', 'PUT');
// @ts-expect-error a URL and a core
initKeyManager({ core, url: 'memory:', endpoints: {} });
// @ts-expect-error an option of the core
initKeyManager({ core, cacheKeys: 5, endpoints: {} });
// @ts-expect-error not a core
initKeyManager({ core: {}, endpoints: {} });

declare const loaded: Endpoints;
initKeyManager({ endpoints: loaded }).verifyUserAPIKeySync('user_x', 'ANY');

/** A result narrows by its fields. */
export function narrowed(result: VerifyUserAPIKeyResult): string {
  if (!result.success) {
    holds<
      Same<
        typeof result.error,
        'authorizationHeaderNotPresent' | 'apiTokenNotPresent' | 'invalidAPIToken' | 'invalidBody'
      >
    >();
    return result.reason;
  }
  if (!result.keyValid) {
    holds<Same<typeof result.ok, false>>();
    // @ts-expect-error an invalid key has no owner
    return result.keyId;
  }
  holds<Same<typeof result.role, string | null>>();
  // @ts-expect-error results are read-only
  result.remaining = 5;
  // @ts-expect-error and so are their roles
  result.roles.push('PRO');
  return `${result.remaining} of ${result.total} until ${result.reset}, ${result.retryAfterMs} ms, ${result.keyId}`;
}

/** A result for a valid key narrows by its code, and by whether it is admitted. */
export function narrowedByCode(result: VerifyUserAPIKeyResult): string | null {
  if (!result.success) return result.error;
  if (result.ok) {
    holds<Same<typeof result, AdmittedUserAPIKey>>();
    return result.name;
  }
  holds<Same<typeof result, RateLimitedUserAPIKey | ForbiddenUserAPIKey | InvalidUserAPIKey>>();
  if (!result.keyValid) return null;
  // @ts-expect-error metadata is read-only
  if (result.metadata) result.metadata['plan'] = 'free';
  switch (result.code) {
    case 'rate_limited':
      holds<Same<typeof result, RateLimitedUserAPIKey>>();
      return String(result.retryAfterMs);
    case 'insufficient_scope':
      holds<Same<typeof result, ForbiddenUserAPIKey>>();
      return result.scopes.join();
    default:
      holds<Same<typeof result, never>>();
      return null;
  }
}
holds<Same<ValidUserAPIKey['code'] | 'invalid_key', VerdictCode>>();

/** A verdict narrows by its code: then its fields are null or not. */
export function verdictByCode(verdict: KeyVerdict): number | null {
  holds<Same<typeof verdict.remaining, number | null>>();
  switch (verdict.code) {
    case 'valid':
      holds<Same<[typeof verdict.ok, typeof verdict.keyValid, typeof verdict.keyId], [true, true, string]>>();
      holds<Same<typeof verdict.roles, readonly string[]>>();
      holds<Same<[typeof verdict.role, typeof verdict.ownerId], [string | null, string | null]>>();
      return verdict.remaining;
    case 'rate_limited':
      holds<Same<typeof verdict, KeyVerdictRateLimited>>();
      return verdict.retryAfterMs;
    case 'insufficient_scope':
      holds<Same<[typeof verdict.total, typeof verdict.role, typeof verdict.keyId], [null, null, string]>>();
      return verdict.scopes.length;
    case 'invalid_key':
      holds<Same<[typeof verdict.keyId, typeof verdict.ownerId, typeof verdict.reset], [null, null, null]>>();
      return null;
    default:
      holds<Same<typeof verdict, never>>();
      return null;
  }
}

/** The spelling differs between the two, by contract. */
export async function spelled(): Promise<string[]> {
  const created = await createUserAPIKey('user', ['PRO'], {
    ownerId: 'me',
    expiresInSeconds: 60,
    metadata: { a: 1 },
  });
  if (!created.success) return [created.error];
  const rotated = await keyManager.rotateUserAPIKey(created.id);
  const changed = await addRoles(created.id, ['TEAM']);
  return [
    created.apiKey,
    rotated.success ? rotated.apikey : rotated.error,
    String(changed.success && changed.count),
  ];
}

export function caught(error: unknown): GatekeeperErrorCode | undefined {
  if (error instanceof RateLimitedError) {
    holds<Same<typeof error.code, 'rate_limited'>>();
    return error.code;
  }
  return error instanceof GatekeeperError && error.status >= 500 ? error.code : undefined;
}

export async function services(): Promise<void> {
  await using core = new GatekeeperCore({ baseUrl: 'memory:', token: process.env['GATEKEEPER_TOKEN'] });
  core.setToken(undefined);
  // @ts-expect-error an unknown option
  new GatekeeperCore({ url: 'memory:' });
  const auth = new AuthService(core);
  const answer = await auth.login({ email: 'a@example.com', password: 'b' });
  holds<Same<typeof answer, Tokens | MfaChallenge>>();
  if (!isMfaChallenge(answer)) holds<Same<typeof answer, Tokens>>();
  // @ts-expect-error an unknown field
  void auth.signup({ email: 'a@example.com', password: 'b', emailVerified: true });

  const tenants = new TenantsService(core);
  const tenant = await tenants.create('Acme Inc', { signal: AbortSignal.timeout(5), timeout: 10 });
  holds<Same<typeof tenant, Tenant>>();
  holds<Same<typeof tenant.role, MemberRole | null>>();
  const members = await tenants.listMembers(tenant.id, { limit: 5, cursor: undefined });
  holds<Same<typeof members, Page<Member>>>();
  for await (const each of tenants.iterate()) holds<Same<typeof each, Tenant>>();
  holds<Same<typeof core.tenants, TenantsService>>();
  // @ts-expect-error a service of a core cannot be replaced
  core.tenants = tenants;
  // @ts-expect-error no such role
  void tenants.addMember(tenant.id, 'usr_x', 'boss');
  // @ts-expect-error a tenant has a name
  void tenants.create();
  // @ts-expect-error results are read-only
  tenant.name = 'Mine';
}
