import type { NativeCore, NativeKeyManager } from '../native/binding.cjs';
import { isText } from './arguments.js';
import { binding } from './binding.js';
import { outputOf, requestOf, runNative, type CallOptions, type Fields } from './call.js';
import { coreArguments, tokenOf, type GatekeeperCoreOptions } from './core-options.js';
import { isCore, markAsCore } from './core-mark.js';
import { BadRequestError } from './errors.js';
import { callNative } from './failure.js';
import { CoreServices } from './generated/core-services.js';
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

/** The public keys that verify access tokens, as libraries such as jose accept them (RFC 7517 §5). */
export interface JwkSet {
  readonly keys: Jwk[];
}

/** The state of a core that is made from another core for the same database or server. */
class CoreState {
  static readonly #instances = new WeakSet<object>();

  constructor(
    readonly native: NativeCore,
    readonly clientAddress: string | undefined,
    readonly closed: boolean,
  ) {
    CoreState.#instances.add(this);
  }

  /** Whether `value` is an instance. `value` may be a proxy: this runs none of its code, as `instanceof` would. */
  static is(value: object): value is CoreState {
    return CoreState.#instances.has(value);
  }
}

/**
 * A database or server, and the credential to use there. The services call through it.
 *
 * A core without a token is anonymous: it may sign up and log in. The database is opened on first use. Each service is a
 * property of the core: `core.auth` is `new AuthService(core)`.
 *
 * @example
 * const core = new GatekeeperCore({ baseUrl: 'sqlite:gatekeeper.db' });
 * const founder = { email: 'founder@example.com', password: 'hunter2pass' };
 * const { accessToken } = await core.auth.signup(founder);
 * core.setToken(accessToken);
 * const tenant = await core.tenants.create('Acme Inc');
 */
export class GatekeeperCore extends CoreServices {
  #native: NativeCore;
  #clientAddress: string | undefined;
  #closed = false;

  /**
   * @param options - the database or server, the credential, and settings
   * @throws {@link BadRequestError} for a wrong URL or option; the message names it
   */
  constructor(options?: GatekeeperCoreOptions);
  /** @internal */
  constructor(options: GatekeeperCoreOptions | CoreState);
  constructor(options: GatekeeperCoreOptions | CoreState = {}) {
    super();
    if (typeof options === 'object' && options !== null && CoreState.is(options)) {
      this.#native = options.native;
      this.#clientAddress = options.clientAddress;
      this.#closed = options.closed;
    } else {
      const { url, options: json, token, operator } = coreArguments(options);
      this.#native = callNative(() =>
        new binding.NativeCore(url, json).withCredential(token, operator, undefined),
      );
    }
  }

  /** Whether `value` is a core, of this copy of the package or of another. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    return this === GatekeeperCore ? isCore(value) : Function.prototype[Symbol.hasInstance].call(this, value);
  }

  /**
   * Makes a core from the environment: `GATEKEEPER_URL` and `GATEKEEPER_TOKEN`. If `GATEKEEPER_URL` is not set, its
   * former name `GATEKEEPER_BASE_URL` is read. If neither is set, the core uses the default database.
   *
   * @param options - further options of a core; they take precedence over the environment
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
   * Sets the token of all further calls.
   *
   * @param token - a user's access token, an API key or a root key; `undefined` for anonymous calls
   */
  setToken(token: string | undefined): void {
    const checked = tokenOf(token);
    this.#native = callNative(() => this.#native.withCredential(checked, false, this.#clientAddress));
  }

  /**
   * Returns another core for the same database or server, with another token. This core keeps its own.
   *
   * @param token - a user's access token, an API key or a root key; `undefined` for anonymous calls
   */
  withToken(token: string | undefined): GatekeeperCore {
    return this.#copy(token, this.#clientAddress);
  }

  /**
   * Returns another core for the same database, for requests that come from the client at `clientAddress`. Failed
   * logins and unknown keys are counted per client address. An IPv6 network of 64 bits counts as one address. Without a
   * client address, login throttling is off.
   *
   * @param clientAddress - the IP address of the client
   * @param options - the token of the other core; anonymous without one
   */
  withClientAddress(
    clientAddress: string,
    options: { readonly token?: string | undefined } = {},
  ): GatekeeperCore {
    if (!isText(clientAddress)) throw new BadRequestError('clientAddress must be a string');
    return this.#copy(options.token, clientAddress);
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
   * Returns the public keys that verify access tokens, as a JWK Set (RFC 7517 §5).
   *
   * @param call - a signal that aborts the call, and a timeout
   */
  async jwks(call?: CallOptions): Promise<JwkSet> {
    const core = this.#open();
    const output = runNative((aborter) => core.jwks(aborter), call);
    return outputOf(await withWarnings(core, output));
  }

  /**
   * Moves the clock of a core made with `clock: 'manual'` forward.
   *
   * @param ms - milliseconds, 0 or more
   */
  advance(ms: number): void {
    if (!Number.isSafeInteger(ms) || ms < 0) {
      throw new BadRequestError(
        `ms must be a whole number of milliseconds from 0 to ${Number.MAX_SAFE_INTEGER}`,
      );
    }
    callNative(() => this.#native.advance(ms));
  }

  /** Closes the core: further calls are rejected. Closing it again does nothing. */
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
  async _call<Output>(
    name: string,
    positional: Fields,
    options: unknown,
    call: CallOptions | undefined,
    defaults: Fields = {},
  ): Promise<Output> {
    const core = this.#open();
    const request = requestOf(positional, options, defaults);
    const output = runNative((aborter) => core.call(name, request, aborter), call);
    return outputOf<Output>(await withWarnings(core, output));
  }

  /**
   * Makes a native key manager on the same backend.
   *
   * @internal
   */
  _keyManager(...given: Parameters<NativeCore['keyManager']>): NativeKeyManager {
    const core = this.#open();
    return callNative(() => core.keyManager(...given));
  }

  #copy(token: string | undefined, clientAddress: string | undefined): GatekeeperCore {
    const core = this.#native.withCredential(tokenOf(token), false, clientAddress);
    return new GatekeeperCore(new CoreState(core, clientAddress, this.#closed));
  }

  #open(): NativeCore {
    if (this.#closed) throw new BadRequestError('this core is closed: make another');
    return this.#native;
  }
}

markAsCore(GatekeeperCore.prototype);

/**
 * Whether a login needs a second factor before it returns tokens.
 *
 * @param answer - the result of `AuthService.login`
 */
export function isMfaChallenge(answer: LoginAnswer): answer is MfaChallenge {
  return 'mfaRequired' in answer && answer.mfaRequired;
}

/** The output of a call, after the warnings for the operator that the call caused. */
async function withWarnings(core: NativeCore, output: Promise<string>): Promise<string> {
  try {
    return await output;
  } finally {
    warnOfCreated(core);
    warn(core);
  }
}
