import type { NativeCore } from '../native/binding.cjs';
import { isText } from './arguments.js';
import { binding } from './binding.js';
import { answerOf, awaited, requestOf, type CallOptions, type Fields } from './call.js';
import { openingOf, tokenOf, type GatekeeperCoreOptions } from './core-options.js';
import { BadRequestError } from './errors.js';
import { errorFrom } from './failure.js';
import type { LoginAnswer, MfaChallenge } from './generated/models.js';
import { warn, warnOfCreated } from './warning.js';

/** A public key that verifies access tokens (RFC 7517 §4). */
export interface Jwk {
  readonly kty: string;
  readonly kid: string;
  readonly alg: string;
  readonly use: string;
  readonly crv?: string;
  readonly x?: string;
  readonly n?: string;
  readonly e?: string;
}

/** The public keys of access tokens, as libraries such as jose take them (RFC 7517 §5). */
export interface JwkSet {
  readonly keys: Jwk[];
}

/** What another core for the same database begins with. */
class Shared {
  static readonly #made = new WeakSet<object>();

  constructor(
    readonly native: NativeCore,
    readonly clientAddress: string | undefined,
    readonly closed: boolean,
  ) {
    Shared.#made.add(this);
  }

  /** Runs no code of the value's own, which may be a proxy. */
  static is(value: object): value is Shared {
    return Shared.#made.has(value);
  }
}

/** What marks a core in every copy of this package. */
const MARK = Symbol.for('gatekeeper-native.GatekeeperCore');

/**
 * A place, and for whom it is used; the services are made of it.
 *
 * A core without a token is anonymous: it may sign up and log in. Nothing is opened before the first call.
 *
 * @example
 * const core = new GatekeeperCore({ baseUrl: 'sqlite:gatekeeper.db' });
 * const { accessToken } = await new AuthService(core).signup({ email: 'founder@example.com', password: 'hunter2pass' });
 * core.setToken(accessToken);
 * const tenant = await new TenantsService(core).create('Acme Inc');
 */
export class GatekeeperCore {
  #native: NativeCore;
  #clientAddress: string | undefined;
  #closed = false;

  /**
   * @param options - the place, for whom it is used, and how
   * @throws {@link BadRequestError} for a wrong URL or option; the message names it
   */
  constructor(options?: GatekeeperCoreOptions);
  /** @internal */
  constructor(options: GatekeeperCoreOptions | Shared);
  constructor(options: GatekeeperCoreOptions | Shared = {}) {
    if (typeof options === 'object' && options !== null && Shared.is(options)) {
      this.#native = options.native;
      this.#clientAddress = options.clientAddress;
      this.#closed = options.closed;
    } else {
      const { url, options: json, token, operator } = openingOf(options);
      this.#native = told(() => new binding.NativeCore(url, json).acting(token, operator, undefined));
    }
  }

  /** Whether `value` is a core, made by this copy of the package or by another. */
  static [Symbol.hasInstance](value: unknown): boolean {
    return this === GatekeeperCore
      ? GatekeeperCore._is(value)
      : Function.prototype[Symbol.hasInstance].call(this, value);
  }

  /** @internal */
  static _is(value: unknown): value is GatekeeperCore {
    return typeof value === 'object' && value !== null && MARK in value;
  }

  /**
   * A core for the database or server of `GATEKEEPER_URL` (or its former name `GATEKEEPER_BASE_URL`), with the token of
   * `GATEKEEPER_TOKEN`. Without a URL, the default database.
   *
   * @param options - what else a core takes; it comes before the environment
   */
  static fromEnv(options: GatekeeperCoreOptions = {}): GatekeeperCore {
    const { GATEKEEPER_URL: url, GATEKEEPER_BASE_URL: formerUrl, GATEKEEPER_TOKEN: token } = process.env;
    const baseUrl = url || formerUrl;
    return new GatekeeperCore({
      ...(baseUrl ? { baseUrl } : {}),
      ...(token && !options.operator ? { token } : {}),
      ...options,
    });
  }

  /**
   * Acts for the bearer of `token` from the next call on.
   *
   * @param token - a user's access token, an API key or a root key; `undefined` for nobody's
   */
  setToken(token: string | undefined): void {
    const checked = tokenOf(token);
    this.#native = told(() => this.#native.acting(checked, false, this.#clientAddress));
  }

  /**
   * Another core for the same place, for the bearer of another token; this one stays as it is.
   *
   * @param token - a user's access token, an API key or a root key; `undefined` for nobody's
   */
  withToken(token: string | undefined): GatekeeperCore {
    const native = this.#native.acting(tokenOf(token), false, this.#clientAddress);
    return new GatekeeperCore(new Shared(native, this.#clientAddress, this.#closed));
  }

  /**
   * Another core for the same database, for calls on behalf of the client at `clientAddress`. Failed logins and unknown
   * keys are counted per client address. An IPv6 network of 64 bits counts as one address.
   *
   * @param clientAddress - the IP address of the client
   * @param options - the token of the other core; anonymous without one
   */
  withClientAddress(
    clientAddress: string,
    options: { readonly token?: string | undefined } = {},
  ): GatekeeperCore {
    if (!isText(clientAddress)) throw new BadRequestError('clientAddress must be a string');
    const native = this.#native.acting(tokenOf(options.token), false, clientAddress);
    return new GatekeeperCore(new Shared(native, clientAddress, this.#closed));
  }

  /**
   * The former name of `withClientAddress`.
   *
   * @deprecated Use `withClientAddress`.
   * @param source - the IP address of the client
   * @param options - the token of the other core; anonymous without one
   */
  withSource(source: string, options: { readonly token?: string | undefined } = {}): GatekeeperCore {
    return this.withClientAddress(source, options);
  }

  /**
   * The public keys of access tokens, as a JWK Set (RFC 7517 §5).
   *
   * @param call - a signal that gives the call up, and how long to wait
   */
  async jwks(call?: CallOptions): Promise<JwkSet> {
    const native = this.#open();
    return answerOf(
      await heeded(
        native,
        awaited((aborter) => native.jwks(aborter), call),
      ),
    );
  }

  /**
   * Moves the time of a core made with `clock: 'manual'`.
   *
   * @param ms - milliseconds, 0 or more
   */
  advance(ms: number): void {
    if (!Number.isSafeInteger(ms) || ms < 0) {
      throw new BadRequestError(
        `ms must be a whole number of milliseconds from 0 to ${Number.MAX_SAFE_INTEGER}`,
      );
    }
    told(() => this.#native.advance(ms));
  }

  /** Closes the core: calls are rejected from now on. Closing twice does nothing. */
  async close(): Promise<void> {
    this.#closed = true;
  }

  /** {@link close}, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /**
   * Runs the operation `name`.
   *
   * @internal
   */
  async _call<Answer>(
    name: string,
    positional: Fields,
    options: unknown,
    call: CallOptions | undefined,
    defaults: Fields = {},
  ): Promise<Answer> {
    const native = this.#open();
    const request = requestOf(positional, options, defaults);
    return answerOf<Answer>(
      await heeded(
        native,
        awaited((aborter) => native.call(name, request, aborter), call),
      ),
    );
  }

  #open(): NativeCore {
    if (this.#closed) throw new BadRequestError('this core is closed: make another');
    return this.#native;
  }
}

Object.defineProperty(GatekeeperCore.prototype, MARK, { value: true });

/**
 * Whether a login asks for a second factor instead of giving tokens.
 *
 * @param answer - what `AuthService.login` gave
 */
export function isMfaChallenge(answer: LoginAnswer): answer is MfaChallenge {
  return 'mfaRequired' in answer && answer.mfaRequired;
}

/** What a call of the native side gives; its error is a `GatekeeperError`. */
function told<Value>(call: () => Value): Value {
  try {
    return call();
  } catch (error) {
    throw errorFrom(error);
  }
}

/** The answer; what whoever runs the place should be told is told first. */
async function heeded(native: NativeCore, answer: Promise<string>): Promise<string> {
  try {
    return await answer;
  } finally {
    warnOfCreated(native);
    warn(native);
  }
}
