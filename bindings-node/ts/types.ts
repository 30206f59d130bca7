import type { GatekeeperCore } from './core.js';

/** A rate limit: at most `maxReq` requests in any `duration`, as a sliding window. */
export interface Limit {
  /** The requests admitted in any window, 1 to 2³²−1. */
  readonly maxReq: number;
  /** The length of the window in milliseconds, 1 to 31,622,400,000 (366 days). */
  readonly duration: number;
}

/**
 * A limit as text: `'10/minute'`, `'100/15 minutes'`. The unit is `second`, `minute`, `hour` or `day` (24 hours), also in
 * the plural, or `s`, `m`, `h`, `d`.
 */
export type LimitText = `${number}/${string}`;

/**
 * The limits of one endpoint.
 *
 * If a key has a role that the endpoint lists, that role's limit replaces the default, even if it is lower. With
 * several such roles, the highest `maxReq / duration` wins; then the larger `maxReq`; then the role that sorts first.
 */
export interface Endpoint {
  /** The limit of keys that have none of the listed roles. */
  readonly default: Limit | LimitText;
  /** The limits by role name; names are case-sensitive, 1 to 128 bytes. */
  readonly roles?: Readonly<Record<string, Limit | LimitText>> | undefined;
}

/** Endpoints by name. */
export type Endpoints = Readonly<Record<string, Endpoint>>;

/** The options that every key manager has. */
interface SharedOptions<E extends Endpoints> {
  /**
   * The root key to use; the key manager then acts for the root key's tenant. A server needs one. Without one, on an
   * embedded database, keys are created in the tenant `default`, and the keys of `tenants` are accepted. With a root
   * key that is not valid, each call returns `invalidAPIToken`, or `apiTokenNotPresent` if it is the empty string.
   */
  readonly rootAPIKey?: string | undefined;
  /**
   * The tenants whose keys are accepted: a list of ids, in which `'default'` is the tenant `default`, or `'all'`. Use
   * `'all'` only if you trust every tenant: where sign-up is open, any client can own a tenant and create keys in it,
   * with any role, scope and owner. Not with a root key.
   * @defaultValue `['default']`
   */
  readonly tenants?: 'all' | readonly string[] | undefined;
  /** The endpoints that keys are verified for, and their limits; may be empty. */
  readonly endpoints: E;
}

/** The options of a key manager on the backend of a core: both use one database, also one in memory. */
export interface CoreKeyManagerOptions<E extends Endpoints = Endpoints> extends SharedOptions<E> {
  /**
   * The core. Only its database or server is used, and its settings: its token is not. Without a `rootAPIKey`, the key
   * manager of an embedded database acts as the operator even if the core is anonymous. It still works after the core
   * is closed.
   */
  readonly core: GatekeeperCore;
}

/** The options of a key manager. */
export interface KeyManagerOptions<E extends Endpoints = Endpoints> extends SharedOptions<E> {
  /**
   * The database or server: `sqlite:PATH` or a plain path, created on first use; `memory:`, a new database for each key
   * manager; or the `http://` or `https://` URL of a server.
   * @defaultValue `'sqlite:gatekeeper.db'`
   */
  readonly url?: string | undefined;
  /**
   * How many keys are cached, 0 to 100,000,000: about 180 bytes each. A key with more than 1 KiB counts once for each KiB.
   * @defaultValue `1_000_000`
   */
  readonly cacheKeys?: number | undefined;
  /**
   * How many unknown keys are cached, 0 to 100,000,000. They have a cache to themselves.
   * @defaultValue `100_000`
   */
  readonly cacheUnknownKeys?: number | undefined;
  /**
   * Whether to create a database file that does not exist. With `false`, every call fails with status 503 until the
   * file exists.
   * @defaultValue `true`
   */
  readonly create?: boolean | undefined;
  /**
   * The clock. `'manual'` stands still until `advance(ms)` moves it; for tests on `memory:`.
   * @defaultValue `'system'`
   */
  readonly clock?: 'system' | 'manual' | undefined;
  /**
   * The milliseconds that a call over HTTP may take, retries included; more than 0.
   * @defaultValue `10_000`
   */
  readonly timeout?: number | undefined;
  /**
   * How often a call over HTTP is retried where that is safe, 0 to 10.
   * @defaultValue `2`
   */
  readonly maxRetries?: number | undefined;
  /** Headers of every request over HTTP. */
  readonly defaultHeaders?: Readonly<Record<string, string>> | undefined;
  /** The `User-Agent` header of requests over HTTP. */
  readonly userAgent?: string | undefined;
}

/**
 * The error code of a rejected call:
 *
 * - `authorizationHeaderNotPresent`: there is no root key, and the server needs one
 * - `apiTokenNotPresent`: the root key is the empty string
 * - `invalidAPIToken`: the root key is not valid
 * - `invalidBody`: an argument is not valid, or the endpoint is not defined
 * - `invalidId`: the id is malformed, or no key of the tenant has it
 */
export type RejectionCode =
  'authorizationHeaderNotPresent' | 'apiTokenNotPresent' | 'invalidAPIToken' | 'invalidBody' | 'invalidId';

/** A rejected call. The checks are made in this order: the root key, the arguments and the endpoint, then the id. */
export interface KeyManagerRejection<Code extends RejectionCode = RejectionCode> {
  readonly success: false;
  /** The error code, to branch on. */
  readonly error: Code;
  /** What was wrong and what to do, for the developer. */
  readonly reason: string;
}

/** The result for a valid key: `code` says whether to process the request, and if not, why. */
export type ValidUserAPIKey = AdmittedUserAPIKey | RateLimitedUserAPIKey | ForbiddenUserAPIKey;

/** The result for a valid key that is within its limit. The request was counted: process it. */
export interface AdmittedUserAPIKey extends VerifiedKeyFields {
  readonly ok: true;
  readonly code: 'valid';
}

/** The result for a valid key whose limit is reached. Nothing was counted. */
export interface RateLimitedUserAPIKey extends VerifiedKeyFields {
  readonly ok: false;
  readonly code: 'rate_limited';
}

/** The result for a valid key without a scope that the call requires. No limit was checked: its numbers are 0. */
export interface ForbiddenUserAPIKey extends VerifiedKeyFields {
  readonly ok: false;
  readonly code: 'insufficient_scope';
}

/** The fields of every result for a valid key. */
export interface VerifiedKeyFields {
  readonly success: true;
  readonly keyValid: true;
  /** Whether to process the request: the key is within its limit, and the request was counted. */
  readonly ok: boolean;
  /** The reason of the verdict. */
  readonly code: 'valid' | 'rate_limited' | 'insufficient_scope';
  /** How many requests are left in the window after this one. */
  readonly remaining: number;
  /** The limit that applies, in requests per window. */
  readonly total: number;
  /**
   * A Unix time in **seconds**, rounded up: when the oldest request leaves the window, or after a denial, when the
   * request would be admitted.
   */
  readonly reset: number;
  /** The exact time to wait after a denial, in milliseconds; 0 if `ok`. */
  readonly retryAfterMs: number;
  /** The duration of the window, in milliseconds. */
  readonly windowMs: number;
  /** The exact time until `reset`, in milliseconds. */
  readonly resetAfterMs: number;
  /** The key's id. */
  readonly keyId: string;
  /** The key's tenant. */
  readonly tenantId: string;
  /** The key's owner, as given when the key was created; `null` for a key without an owner. */
  readonly ownerId: string | null;
  /** The key's name; `null` for a key without a name. */
  readonly name: string | null;
  /** The key's roles, sorted by bytes. */
  readonly roles: readonly string[];
  /** The role whose limit applies; `null` if the default limit applies. */
  readonly role: string | null;
  /** The key's scopes, sorted by bytes. */
  readonly scopes: readonly string[];
  /** The key's metadata, deeply frozen; `null` for a key without metadata. */
  readonly metadata: Readonly<Record<string, unknown>> | null;
}

/**
 * The result for a key that is unknown, malformed, revoked, expired, disabled or another tenant's. It does not tell
 * which.
 */
export interface InvalidUserAPIKey {
  readonly success: true;
  readonly keyValid: false;
  readonly ok: false;
}

/** The result of a verification. Narrow it by `success`, then `keyValid`, then `ok` or `code`. */
export type VerifyUserAPIKeyResult =
  ValidUserAPIKey | InvalidUserAPIKey | KeyManagerRejection<Exclude<RejectionCode, 'invalidId'>>;

/** The options of a verification. */
export interface VerifyUserAPIKeyOptions {
  /**
   * The scopes that the key must have: at most 100. Without one of them, the code is `insufficient_scope`, and nothing
   * is counted. None by default.
   */
  readonly scopes?: readonly string[] | undefined;
  /**
   * How many requests this one counts as: 1 to the limit that applies.
   * @defaultValue `1`
   */
  readonly cost?: number | undefined;
  /** The IP address of the client that sent the key, with or without a port. */
  readonly clientAddress?: string | null | undefined;
}

/** The options of a new key. */
export interface CreateUserAPIKeyOptions {
  /** Your id for the key's owner: at most 256 bytes. A verification returns it. */
  readonly ownerId?: string | null | undefined;
  /** A name for the key: at most 256 bytes. */
  readonly name?: string | null | undefined;
  /** The lifetime of the key in seconds: 1 to 3,155,760,000 (100 years). Without it, the key does not expire. */
  readonly expiresInSeconds?: number | null | undefined;
  /** A JSON object with data of your application: at most 8 KiB as JSON. */
  readonly metadata?: Readonly<Record<string, unknown>> | null | undefined;
}

/** The result of creating a key. */
export type CreateUserAPIKeyResult =
  | {
      readonly success: true;
      /** The key. Show it to the user now: only its digest is stored, so it cannot be shown again. */
      readonly apiKey: string;
      /** The id of the key; it stays the same when the key is rotated. */
      readonly id: string;
      /** The roles of the key, without duplicates, sorted by bytes. */
      readonly roles: readonly string[];
    }
  | KeyManagerRejection<Exclude<RejectionCode, 'invalidId'>>;

/** The result of rotating a key. */
export type RotateUserAPIKeyResult =
  | {
      readonly success: true;
      /** The id of the key, unchanged. */
      readonly id: string;
      /** The new key. Show it to the user now: only its digest is stored, so it cannot be shown again. */
      readonly apikey: string;
    }
  | KeyManagerRejection;

/** The result of deleting a key. */
export type DeleteUserAPIKeyResult =
  | {
      readonly success: true;
      /** The key's id. */
      readonly id: string;
    }
  | KeyManagerRejection;

/** The result of adding or removing roles. */
export type RolesChangedResult =
  | {
      readonly success: true;
      /** How many roles were added or removed. Roles that needed no change do not count. */
      readonly count: number;
    }
  | KeyManagerRejection;

/**
 * Creates, verifies, rotates and deletes users' keys. It accepts the keys of the tenant `default`, or of the `tenants`
 * option; with a root key, those of the root key's tenant. Its functions may be destructured. The object and all
 * results are frozen.
 *
 * A rejected call returns a result with `success: false`. If there is no result, the call throws a {@link
 * GatekeeperError}, with status 503 if the database cannot be used. The functions that end in `Sync` do the same on
 * this thread and may block it for disk I/O; they cannot be used with a remote server.
 *
 * @typeParam Name - the names of the endpoints
 */
export interface KeyManager<Name extends string = string> {
  /**
   * Creates a key.
   *
   * @param prefix - the start of the key: 1 to 64 of `[A-Za-z0-9._~+-]`; `gkp`, `gkr` and prefixes that start with
   * `gkp_` or `gkr_` are reserved
   * @param roles - the roles of the key: at most 1,000 different names of 1 to 128 bytes; none by default
   * @returns the new key; or `invalidBody`
   * @throws {@link GatekeeperError} 503
   * @example
   * const created = await createUserAPIKey('user', ['PRO'], { ownerId: 'u_42' });
   * if (created.success) show(created.apiKey);
   */
  createUserAPIKey(
    prefix: string,
    roles?: readonly string[],
    options?: CreateUserAPIKeyOptions,
  ): Promise<CreateUserAPIKeyResult>;
  /** {@link KeyManager.createUserAPIKey} on this thread. */
  createUserAPIKeySync(
    prefix: string,
    roles?: readonly string[],
    options?: CreateUserAPIKeyOptions,
  ): CreateUserAPIKeyResult;

  /**
   * Verifies a key, selects the limit by its roles, and counts the request against it.
   *
   * @param userAPIKey - the key of the request; an absent key is not valid
   * @param endpointName - one of the defined endpoints
   * @param variables - strings such as the id of a task. Each distinct list has a window of its own: never pass
   * unchecked client input. At most 1,000, with 8 KiB of UTF-8 in total; none by default
   * @param options - the scopes that the key must have, the cost of the request, and the address of the client
   * @returns the verdict; or `invalidBody` for an endpoint that is not defined, and for variables or an option out of
   * range, such as a cost above the limit that applies
   * @throws {@link GatekeeperError} 503
   * @example
   * const res = await verifyUserAPIKey(key, 'GET_TASKS', [taskId], { scopes: ['tasks:read'] });
   * if (!res.success) throw new Error(res.reason);
   * if (!res.keyValid) return reply(401);
   * if (res.code === 'insufficient_scope') return reply(403);
   * if (!res.ok) return reply(429, { 'Retry-After': Math.ceil(res.retryAfterMs / 1000) });
   */
  verifyUserAPIKey(
    userAPIKey: string | null | undefined,
    endpointName: Name,
    variables?: readonly string[],
    options?: VerifyUserAPIKeyOptions,
  ): Promise<VerifyUserAPIKeyResult>;
  /** {@link KeyManager.verifyUserAPIKey} for synchronous code. */
  verifyUserAPIKeySync(
    userAPIKey: string | null | undefined,
    endpointName: Name,
    variables?: readonly string[],
    options?: VerifyUserAPIKeyOptions,
  ): VerifyUserAPIKeyResult;

  /**
   * Replaces a key by a new one with the same id, roles and rate limit windows. The old key is revoked: the next
   * verification rejects it, in every process.
   *
   * @param id - the key's id
   * @returns the new key; or `invalidId`
   * @throws {@link GatekeeperError} 503
   * @example
   * const rotated = await rotateUserAPIKey(id);
   * if (rotated.success) show(rotated.apikey);
   */
  rotateUserAPIKey(id: string): Promise<RotateUserAPIKeyResult>;
  /** {@link KeyManager.rotateUserAPIKey} on this thread. */
  rotateUserAPIKeySync(id: string): RotateUserAPIKeyResult;

  /**
   * Deletes a key. The next verification rejects it, in every process.
   *
   * @param id - the key's id
   * @returns its id; or `invalidId`
   * @throws {@link GatekeeperError} 503
   * @example
   * await deleteUserAPIKey(id);
   */
  deleteUserAPIKey(id: string): Promise<DeleteUserAPIKeyResult>;
  /** {@link KeyManager.deleteUserAPIKey} on this thread. */
  deleteUserAPIKeySync(id: string): DeleteUserAPIKeyResult;

  /**
   * Adds roles to a key. Roles that it already has are ignored. The next verification uses the new roles.
   *
   * @param id - the key's id
   * @param roles - names of 1 to 128 bytes; a key has at most 1,000
   * @returns how many roles were added; or `invalidId`, `invalidBody`
   * @throws {@link GatekeeperError} 503
   * @example
   * await addRoles(id, ['PRO']);
   */
  addRoles(id: string, roles: readonly string[]): Promise<RolesChangedResult>;
  /** {@link KeyManager.addRoles} on this thread. */
  addRolesSync(id: string, roles: readonly string[]): RolesChangedResult;

  /**
   * Removes roles from a key. Roles that it does not have are ignored. The next verification uses the remaining roles.
   *
   * @param id - the key's id
   * @param roles - names of 1 to 128 bytes
   * @returns how many roles were removed; or `invalidId`, `invalidBody`
   * @throws {@link GatekeeperError} 503
   * @example
   * await removeRoles(id, ['PRO']);
   */
  removeRoles(id: string, roles: readonly string[]): Promise<RolesChangedResult>;
  /** {@link KeyManager.removeRoles} on this thread. */
  removeRolesSync(id: string, roles: readonly string[]): RolesChangedResult;
}

/** A key manager with a manual clock, for tests. */
export interface ManualKeyManager<Name extends string = string> extends KeyManager<Name> {
  /**
   * Moves the clock forward.
   *
   * @param ms - milliseconds, a whole number from 0 to 2⁵³−1
   * @throws {@link BadRequestError} for another number
   * @example
   * const { advance } = initKeyManager({ url: 'memory:', clock: 'manual', endpoints });
   * advance(60_000);
   */
  advance(ms: number): void;
}

/** A key manager on the backend of a core. It has `advance` if the core was made with `clock: 'manual'`. */
export type CoreKeyManager<Name extends string = string> = KeyManager<Name> &
  Partial<Pick<ManualKeyManager<Name>, 'advance'>>;
