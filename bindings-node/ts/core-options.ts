import { isReadable, isText } from './arguments.js';
import { BadRequestError } from './errors.js';
import type { Endpoints } from './types.js';

/** The options of a core. */
export interface GatekeeperCoreOptions {
  /**
   * The database or server: `sqlite:PATH` or a plain path, created on first use; `memory:`, a new database for each
   * core; or the `http://` or `https://` URL of a server.
   * @defaultValue `'sqlite:gatekeeper.db'`
   */
  readonly baseUrl?: string | undefined;
  /** A user's access token, an API key or a root key, validated at each call. Without one, the core is anonymous. */
  readonly token?: string | undefined;
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
  /**
   * The limits of each endpoint by name, for `KeysService.verify`. Only for an embedded database, as all options below
   * except the cache sizes: a server has its own settings, and the options are rejected with its URL.
   */
  readonly endpoints?: Endpoints | undefined;
  /**
   * The secret that encrypts the signing keys: at least 16 bytes, the same in every process. Defaults to
   * `GATEKEEPER_SECRET`. Without either, a secret file is created next to the database, with a warning.
   */
  readonly secret?: string | undefined;
  /**
   * The former secret, for as long as it takes to change it. What it encrypted is still readable, and is encrypted
   * again with `secret`. Defaults to `GATEKEEPER_SECRET_PREVIOUS`.
   */
  readonly previousSecret?: string | undefined;
  /**
   * The `iss` claim of access tokens.
   * @defaultValue `'gatekeeper'`
   */
  readonly issuer?: string | undefined;
  /**
   * The `aud` claim of access tokens.
   * @defaultValue `'gatekeeper'`
   */
  readonly audience?: string | undefined;
  /** The audiences that `KeysService.token` accepts besides `audience`; none by default. */
  readonly tokenAudiences?: readonly string[] | undefined;
  /**
   * For how many milliseconds a repeated exchange of the same refresh token returns the same new token; 0 turns this
   * off.
   * @defaultValue `10_000`
   */
  readonly refreshGraceMs?: number | undefined;
  /**
   * The algorithm that signs tokens; RS256 uses 3072 bits.
   * @defaultValue `'EdDSA'`
   */
  readonly signingAlgorithm?: 'EdDSA' | 'RS256' | undefined;
  /**
   * The longest lifetime of a session in days, 1 to 3,650, however often its tokens are refreshed.
   * @defaultValue `90`
   */
  readonly sessionDays?: number | undefined;
  /**
   * How many sessions a user may have at once, 1 to 10,000. One more login ends the session that was unused for the
   * longest time.
   * @defaultValue `100`
   */
  readonly sessionsPerUser?: number | undefined;
  /**
   * For how many days single usage events are kept, 1 to 36,500. Older events are deleted with their idempotency keys
   * when new ones are recorded; totals are kept. Without this option, events are kept for ever.
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
   * How many unknown keys one client address may present in a minute, unless it has presented a valid root key before.
   * @defaultValue `60`
   */
  readonly wrongKeysPerMinute?: number | undefined;
  /**
   * How many failed password checks one client address may cause in a minute, over all accounts. For an account, the
   * addresses that it has logged in from are exempt.
   * @defaultValue `30`
   */
  readonly wrongPasswordsPerMinute?: number | undefined;
  /**
   * Who may import keys of another product. `'root'`: root keys and the operator. `'members'`: also members and API
   * keys with `keys:write`.
   * @defaultValue `'root'`
   */
  readonly keyImports?: 'root' | 'members' | undefined;
  /**
   * How many different suffixes the imported keys of one tenant may have, 1 to 64.
   * @defaultValue `2`
   */
  readonly importSuffixesPerTenant?: number | undefined;
  /**
   * How many different suffixes the imported keys of all tenants may have, 1 to 64.
   * @defaultValue `8`
   */
  readonly importSuffixes?: number | undefined;
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
   * Whether to act as the operator, who may do everything. Only with an embedded database, and without a token.
   * @defaultValue `false`
   */
  readonly operator?: boolean | undefined;
  /**
   * How many keys are cached, 0 to 100,000,000.
   * @defaultValue `1_000_000`
   */
  readonly cacheKeys?: number | undefined;
  /**
   * How many unknown keys are cached, 0 to 100,000,000.
   * @defaultValue `100_000`
   */
  readonly cacheUnknownKeys?: number | undefined;
}

/** The arguments of the native core, and its credential. */
export interface CoreArguments {
  readonly url: string;
  readonly options: string;
  readonly token: string | undefined;
  readonly operator: boolean;
}

const MAX_RETRIES = 10;

/** The arguments of the native core, with their JavaScript types checked; throws `BadRequestError`. */
export function coreArguments(given: unknown): CoreArguments {
  const options = copyOf(given, 'the options of GatekeeperCore must be an object');
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

/** A token, or `undefined` for none. Text that is not Unicode becomes the empty string, which the core rejects. */
export function tokenOf(token: unknown): string | undefined {
  if (token === undefined) return undefined;
  if (typeof token !== 'string') throw new BadRequestError('token must be a string, or undefined');
  return token.isWellFormed() ? token : '';
}

/** Checks a timeout in milliseconds; throws `BadRequestError`. */
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

/** Checks the options for HTTP. An embedded database accepts them too, so that a program can change only the URL. */
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
      checkHeaderValue(`defaultHeaders.${name}`, value);
    }
  }
  if (userAgent !== undefined) checkHeaderValue('userAgent', userAgent);
}

function checkHeaderValue(field: string, value: unknown): void {
  if (typeof value !== 'string' || !/^[\x20-\x7e]*$/.test(value)) {
    throw new BadRequestError(`${field} must be a string of printable ASCII`);
  }
}

/**
 * The options as JSON. A value that JSON cannot represent becomes `true`, so that the core names the field and rejects
 * it.
 */
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
