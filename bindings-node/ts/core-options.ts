import { isReadable, isText } from './arguments.js';
import { BadRequestError } from './errors.js';
import type { Endpoints } from './types.js';

/** What a core is made of. */
export interface GatekeeperCoreOptions {
  /**
   * `sqlite:PATH` or a plain path, made at first use; `memory:`, a place of its own each time; or the `http://` or
   * `https://` URL of a server.
   * @defaultValue `'sqlite:gatekeeper.db'`
   */
  readonly baseUrl?: string | undefined;
  /** A user's access token, an API key or a root key; it is judged at each call. Without one, the core is anonymous. */
  readonly token?: string | undefined;
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
  /**
   * The limits of each endpoint by its name, for `KeysService.verify`. A server has its own, as it has all that follows
   * but the cache sizes: there they are rejected.
   */
  readonly endpoints?: Endpoints | undefined;
  /**
   * What seals the signing keys: at least 16 bytes, the same in every process. Defaults to `GATEKEEPER_SECRET`, and
   * without that to a file beside the database, which is made and warned of once.
   */
  readonly secret?: string | undefined;
  /**
   * The secret before, while it is changed: what it sealed still opens, and is sealed with `secret`. Defaults to
   * `GATEKEEPER_SECRET_PREVIOUS`.
   */
  readonly previousSecret?: string | undefined;
  /**
   * The `iss` of access tokens.
   * @defaultValue `'gatekeeper'`
   */
  readonly issuer?: string | undefined;
  /**
   * The `aud` of access tokens.
   * @defaultValue `'gatekeeper'`
   */
  readonly audience?: string | undefined;
  /** What else the `aud` of `KeysService.token` may be; by default nothing. */
  readonly tokenAudiences?: readonly string[] | undefined;
  /**
   * For how long the same refresh token gives the same successor, in milliseconds; 0 for never.
   * @defaultValue `10_000`
   */
  readonly refreshGraceMs?: number | undefined;
  /**
   * What tokens are signed with; RS256 has 3072 bits.
   * @defaultValue `'EdDSA'`
   */
  readonly signingAlgorithm?: 'EdDSA' | 'RS256' | undefined;
  /**
   * For how many days, 1 to 3,650, a session lasts at the most, however often it gets new tokens.
   * @defaultValue `90`
   */
  readonly sessionDays?: number | undefined;
  /**
   * How many sessions a user may have at once, 1 to 10,000: a further login ends the one that was not used for the longest
   * time.
   * @defaultValue `100`
   */
  readonly sessionsPerUser?: number | undefined;
  /**
   * For how many days, 1 to 36,500, single usage events are kept; older ones go as new ones are recorded, and their
   * idempotency keys with them. Sums are kept. Without it, events are kept for good.
   */
  readonly usageRetentionDays?: number | undefined;
  /**
   * How many accounts one client address may create in a minute; see `withClientAddress`.
   * @defaultValue `20`
   */
  readonly signupsPerMinute?: number | undefined;
  /**
   * How many refresh tokens one client address may exchange in a minute.
   * @defaultValue `60`
   */
  readonly refreshesPerMinute?: number | undefined;
  /**
   * How many keys that are not good one source may show in a minute, unless it has shown a good root key of its own.
   * @defaultValue `60`
   */
  readonly wrongKeysPerMinute?: number | undefined;
  /**
   * How many passwords one client address may get wrong in a minute, for whatever accounts. An address that an account
   * has logged in from is exempt for that account.
   * @defaultValue `30`
   */
  readonly wrongPasswordsPerMinute?: number | undefined;
  /**
   * Who may import keys of another product: a root key and the operator, or, with `'members'`, also members and API keys
   * with `keys:write`.
   * @defaultValue `'root'`
   */
  readonly keyImports?: 'root' | 'members' | undefined;
  /**
   * How many different suffixes the imported keys of a tenant may have, 1 to 64.
   * @defaultValue `2`
   */
  readonly importSuffixesPerTenant?: number | undefined;
  /**
   * How many different suffixes the imported keys of all tenants may have, 1 to 64.
   * @defaultValue `8`
   */
  readonly importSuffixes?: number | undefined;
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
   * Acts as whoever runs the place, who may do everything; not with a token.
   * @defaultValue `false`
   */
  readonly operator?: boolean | undefined;
  /**
   * How many keys are remembered, 0 to 100,000,000.
   * @defaultValue `1_000_000`
   */
  readonly cacheKeys?: number | undefined;
  /**
   * How many keys are remembered to be nobody's, 0 to 100,000,000.
   * @defaultValue `100_000`
   */
  readonly cacheUnknownKeys?: number | undefined;
}

/** What the native core is made of, and for whom it is then used. */
export interface Opening {
  readonly url: string;
  readonly options: string;
  readonly token: string | undefined;
  readonly operator: boolean;
}

const MAX_RETRIES = 10;

/** What a core was given, checked as far as it does not reach the core in Rust; throws `BadRequestError`. */
export function openingOf(given: unknown): Opening {
  const options = copyOf(given, 'GatekeeperCore takes an object of options');
  const { baseUrl = 'sqlite:gatekeeper.db', token, operator = false } = options;
  checkHttp(options);
  if (!isText(baseUrl)) throw new BadRequestError('baseUrl must be a string');
  if (typeof operator !== 'boolean') throw new BadRequestError('operator must be true or false');
  if (operator && token !== undefined) {
    throw new BadRequestError('operator and token exclude each other: leave one of them out');
  }
  const { baseUrl: _url, token: _token, operator: _operator, ...native } = options;
  return { url: baseUrl, options: json(native), token: tokenOf(token), operator };
}

/** A token, or `undefined` for none. What is not Unicode is no token, which is for the core to say. */
export function tokenOf(token: unknown): string | undefined {
  if (token === undefined) return undefined;
  if (typeof token !== 'string') throw new BadRequestError('token must be a string, or undefined');
  return token.isWellFormed() ? token : '';
}

/** Milliseconds to wait. */
export function checkTimeout(timeout: unknown): void {
  if (timeout === undefined) return;
  if (typeof timeout !== 'number' || !(timeout > 0) || !Number.isFinite(timeout)) {
    throw new BadRequestError('timeout must be a number of milliseconds that is more than 0');
  }
}

function copyOf(given: unknown, rejection: string): Record<string, unknown> {
  if (typeof given !== 'object' || given === null) throw new BadRequestError(rejection);
  try {
    return { ...given };
  } catch (error) {
    throw new BadRequestError('the options cannot be read', { cause: error });
  }
}

/** Judges what only matters over HTTP; a place of your own takes it too, so that a program can be moved. */
export function checkHttp(given: Record<string, unknown>): void {
  checkTimeout(given['timeout']);
  const { maxRetries = 0, defaultHeaders, userAgent } = given;
  if (!Number.isInteger(maxRetries) || (maxRetries as number) < 0 || (maxRetries as number) > MAX_RETRIES) {
    throw new BadRequestError(`maxRetries must be a whole number from 0 to ${MAX_RETRIES}`);
  }
  if (defaultHeaders !== undefined) {
    for (const [name, value] of Object.entries(
      copyOf(defaultHeaders, 'defaultHeaders must be an object of strings by name'),
    )) {
      if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name)) {
        throw new BadRequestError('defaultHeaders: each name must be a valid header name');
      }
      checkValue(`defaultHeaders.${name}`, value);
    }
  }
  if (userAgent !== undefined) checkValue('userAgent', userAgent);
}

function checkValue(what: string, value: unknown): void {
  if (typeof value !== 'string' || !/^[\x20-\x7e]*$/.test(value)) {
    throw new BadRequestError(`${what} must be a string of printable ASCII`);
  }
}

/** The options as JSON in which what JSON does not have is null, so that the core rejects it by its name. */
function json(options: Record<string, unknown>): string {
  try {
    return JSON.stringify(options, (name, inner: unknown) => {
      if (!name.isWellFormed()) throw new BadRequestError('options: a name is not well-formed Unicode');
      if (typeof inner === 'number' && !Number.isFinite(inner)) return true;
      return isReadable(inner) ? inner : true;
    });
  } catch (error) {
    if (error instanceof BadRequestError) throw error;
    throw new BadRequestError('the options cannot be read as JSON', { cause: error });
  }
}
