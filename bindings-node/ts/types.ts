/** A rate limit: at most `maxReq` calls in any `duration`, as a sliding window. */
export interface Limit {
  /** Calls in a window, 1 to 2³²−1. */
  readonly maxReq: number;
  /** The window's length in milliseconds, 1 to 31,622,400,000 (366 days). */
  readonly duration: number;
}

/**
 * The limits of one endpoint.
 *
 * A key whose roles name one limit gets that one, even when it is lower than `default`. Of several, the one with the
 * highest `maxReq / duration` applies; then the larger `maxReq`; then the role that sorts first.
 */
export interface Endpoint {
  /** For keys none of whose roles is named in `roles`. */
  readonly default: Limit;
  /** Limits by role; role names are case-sensitive, 1 to 128 bytes. */
  readonly roles?: Readonly<Record<string, Limit>> | undefined;
}

/** Endpoints by name. */
export type Endpoints = Readonly<Record<string, Endpoint>>;

/** What a key manager is made of. */
export interface KeyManagerOptions<E extends Endpoints = Endpoints> {
  /**
   * The root key to act for: the key manager then sees and changes the keys of its one tenant, and every call fails
   * with `invalidAPIToken` if it is not a live root key, or with `apiTokenNotPresent` if it is empty. Without one, on an
   * embedded backend, you are the operator: keys are created in the tenant `default`, those of `tenants` are verified. A
   * server needs one.
   */
  readonly rootAPIKey?: string | undefined;
  /**
   * The tenants whose keys are accepted: a list of ids, in which `'default'` stands for the tenant `default`; or `'all'`
   * where you trust every one. Where anyone may sign up, anyone owns a tenant and creates keys there, with any role, scope
   * and owner. Not with a root key, which accepts the keys of its own tenant.
   * @defaultValue `['default']`
   */
  readonly tenants?: 'all' | readonly string[] | undefined;
  /**
   * Where the keys are: `sqlite:PATH` or a plain path, made at first use; `memory:`, a place of its own each time; or the
   * `http://` or `https://` URL of a server.
   * @defaultValue `'sqlite:gatekeeper.db'`
   */
  readonly url?: string | undefined;
  /** The endpoints that keys are verified for, and their limits; may be empty. */
  readonly endpoints: E;
  /**
   * How many keys are remembered, 1 to 100,000,000; about 170 bytes each.
   * @defaultValue `1_000_000`
   */
  readonly cacheKeys?: number | undefined;
  /**
   * How many unknown keys are remembered to be unknown, 1 to 100,000,000.
   * @defaultValue `100_000`
   */
  readonly cacheUnknownKeys?: number | undefined;
  /**
   * Whether a file that is not there is made. With `false` every call fails with status 503 until it is there.
   * @defaultValue `true`
   */
  readonly create?: boolean | undefined;
  /**
   * What tells the time. `'manual'`, for tests in `memory:` only, stands still until `advance(ms)` moves it.
   * @defaultValue `'system'`
   */
  readonly clock?: 'system' | 'manual' | undefined;
  /**
   * Milliseconds that a call over HTTP may take, with all that is tried again; more than 0.
   * @defaultValue `10_000`
   */
  readonly timeout?: number | undefined;
  /**
   * How often a call over HTTP is tried again where that is safe, 0 to 10.
   * @defaultValue `2`
   */
  readonly maxRetries?: number | undefined;
  /** What every call over HTTP carries. */
  readonly defaultHeaders?: Readonly<Record<string, string>> | undefined;
  /** What calls over HTTP are known by. */
  readonly userAgent?: string | undefined;
}

/**
 * Why a call was rejected:
 *
 * - `authorizationHeaderNotPresent`: no root key where one is needed
 * - `apiTokenNotPresent`: the root key is an empty string
 * - `invalidAPIToken`: the root key is not a live one
 * - `invalidBody`: an argument is not what it must be, or the endpoint was never defined
 * - `invalidId`: the id is of another shape, or names no key of yours
 */
export type RejectionCode =
  'authorizationHeaderNotPresent' | 'apiTokenNotPresent' | 'invalidAPIToken' | 'invalidBody' | 'invalidId';

/** A call that was rejected. Checked in this order: root key, arguments and endpoint, then the id. */
export interface KeyManagerRejection<Code extends RejectionCode = RejectionCode> {
  readonly success: false;
  /** Why, to branch on. */
  readonly error: Code;
  /** Why, in words: what to change. */
  readonly reason: string;
}

/** The key is good. */
export interface ValidUserAPIKey {
  readonly success: true;
  readonly keyValid: true;
  /** Whether the request may be processed: there was room left, and one call of it is taken. */
  readonly ok: boolean;
  /** How many calls are left in the window after this one. */
  readonly remaining: number;
  /** The limit that applies: calls in a window. */
  readonly total: number;
  /**
   * Unix time in **seconds**, rounded up: after a rejection when this request would pass, otherwise when the oldest call
   * leaves the window.
   */
  readonly reset: number;
  /** The exact wait after a rejection, in milliseconds; 0 when `ok`. */
  readonly retryAfterMs: number;
  /** The key's id. */
  readonly keyId: string;
  /** Whose key it is, as given when it was created. */
  readonly ownerId: string | null;
  /** The key's roles, sorted by bytes. */
  readonly roles: readonly string[];
  /** The role that chose the limit; `null` where the default applies. */
  readonly role: string | null;
}

/** The key is unknown, malformed, revoked, expired, disabled or another tenant's: which one is never said. */
export interface InvalidUserAPIKey {
  readonly success: true;
  readonly keyValid: false;
  readonly ok: false;
}

/** What a verification says. */
export type VerifyUserAPIKeyResult =
  ValidUserAPIKey | InvalidUserAPIKey | KeyManagerRejection<Exclude<RejectionCode, 'invalidId'>>;

/** What a new key may have besides its prefix and roles. */
export interface CreateUserAPIKeyOptions {
  /** Whose key it is: at most 256 bytes. Verification gives it back. */
  readonly ownerId?: string | null | undefined;
  /** What the key is called: at most 256 bytes. */
  readonly name?: string | null | undefined;
  /** How long the key is good, in seconds: 1 to 3,155,760,000 (100 years). For ever if it is not given. */
  readonly expiresInSeconds?: number | null | undefined;
  /** Anything of yours: an object of JSON values, at most 8 KiB as JSON. */
  readonly metadata?: Readonly<Record<string, unknown>> | null | undefined;
}

/** A new key, or why there is none. */
export type CreateUserAPIKeyResult =
  | {
      readonly success: true;
      /** The key itself; it is not stored and cannot be shown again. */
      readonly apiKey: string;
      /** Its id. */
      readonly id: string;
      /** Its roles, sorted by bytes and without repetitions. */
      readonly roles: readonly string[];
    }
  | KeyManagerRejection<Exclude<RejectionCode, 'invalidId'>>;

/** A key with its new secret, or why it has none. */
export type RotateUserAPIKeyResult =
  | {
      readonly success: true;
      /** The key's id, as before. */
      readonly id: string;
      /** The new key; it is not stored and cannot be shown again. */
      readonly apikey: string;
    }
  | KeyManagerRejection;

/** The key that was deleted, or why none was. */
export type DeleteUserAPIKeyResult =
  | {
      readonly success: true;
      /** The key's id. */
      readonly id: string;
    }
  | KeyManagerRejection;

/** How many roles were really added or removed, or why none were. */
export type RolesChangedResult =
  | {
      readonly success: true;
      /** How many roles changed. */
      readonly count: number;
    }
  | KeyManagerRejection;

/**
 * Creates, verifies, rotates and deletes users' keys. It accepts the keys of the tenant `default` only, or of the tenants
 * that it is given; with a root key, those of the root key's tenant. Its functions may be taken off it; it and all it answers is frozen.
 *
 * What is wrong with a call is said in its result. A {@link GatekeeperError} is thrown only where no answer could be
 * reached: 503 when the place cannot be opened, read or written. The functions that end in `Sync` do the same on this
 * thread, and may hold it while the disk is waited for.
 *
 * @typeParam Name - the names of the endpoints
 */
export interface KeyManager<Name extends string = string> {
  /**
   * Creates a key.
   *
   * @param prefix - what the key starts with: 1 to 64 of `[A-Za-z0-9._~+-]`; `gkp`, `gkr` and what starts with `gkp_` or
   * `gkr_` are reserved
   * @param roles - at most 1,000 different names of 1 to 128 bytes; none by default
   * @returns the key, shown this once; or `invalidBody`
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
   * Judges a key, chooses its limit by its roles, and takes one call of it.
   *
   * @param userAPIKey - the key that came with the request; one that is absent is not valid
   * @param endpointName - one of the endpoints defined
   * @param variables - what is counted apart, in its order: at most 1,000 strings, 8 KiB together; none by default
   * @returns the verdict; or `invalidBody` for another endpoint, or variables that are not strings
   * @throws {@link GatekeeperError} 503
   * @example
   * const res = await verifyUserAPIKey(key, 'GET_TASKS', [taskId]);
   * if (!res.success) throw new Error(res.reason);
   * if (!res.keyValid) return reply(401);
   * if (!res.ok) return reply(429, { 'Retry-After': Math.ceil(res.retryAfterMs / 1000) });
   */
  verifyUserAPIKey(
    userAPIKey: string | null | undefined,
    endpointName: Name,
    variables?: readonly string[],
  ): Promise<VerifyUserAPIKeyResult>;
  /** {@link KeyManager.verifyUserAPIKey} for code that cannot await. */
  verifyUserAPIKeySync(
    userAPIKey: string | null | undefined,
    endpointName: Name,
    variables?: readonly string[],
  ): VerifyUserAPIKeyResult;

  /**
   * Gives a key another secret. Its id, its roles and what it has used stay; the old secret is dead at once.
   *
   * @param id - the key's id
   * @returns the new key, shown this once; or `invalidId`
   * @throws {@link GatekeeperError} 503
   * @example
   * const rotated = await rotateUserAPIKey(id);
   * if (rotated.success) show(rotated.apikey);
   */
  rotateUserAPIKey(id: string): Promise<RotateUserAPIKeyResult>;
  /** {@link KeyManager.rotateUserAPIKey} on this thread. */
  rotateUserAPIKeySync(id: string): RotateUserAPIKeyResult;

  /**
   * Deletes a key: the next verification rejects it, in every process.
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
   * Adds roles to a key; those it has already change nothing. The next verification goes by them.
   *
   * @param id - the key's id
   * @param roles - names of 1 to 128 bytes; a key has at most 1,000
   * @returns how many were really added; or `invalidId`, `invalidBody`
   * @throws {@link GatekeeperError} 503
   * @example
   * await addRoles(id, ['PRO']);
   */
  addRoles(id: string, roles: readonly string[]): Promise<RolesChangedResult>;
  /** {@link KeyManager.addRoles} on this thread. */
  addRolesSync(id: string, roles: readonly string[]): RolesChangedResult;

  /**
   * Removes roles from a key; those it does not have change nothing. The next verification goes by what is left.
   *
   * @param id - the key's id
   * @param roles - names of 1 to 128 bytes
   * @returns how many were really removed; or `invalidId`, `invalidBody`
   * @throws {@link GatekeeperError} 503
   * @example
   * await removeRoles(id, ['PRO']);
   */
  removeRoles(id: string, roles: readonly string[]): Promise<RolesChangedResult>;
  /** {@link KeyManager.removeRoles} on this thread. */
  removeRolesSync(id: string, roles: readonly string[]): RolesChangedResult;
}

/** A key manager whose time you move yourself. */
export interface ManualKeyManager<Name extends string = string> extends KeyManager<Name> {
  /**
   * Moves the time forward.
   *
   * @param ms - milliseconds, a whole number from 0 to 2⁵³−1
   * @throws {@link BadRequestError} for another number
   * @example
   * const { advance } = initKeyManager({ url: 'memory:', clock: 'manual', endpoints });
   * advance(60_000);
   */
  advance(ms: number): void;
}
