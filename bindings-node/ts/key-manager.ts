import type { NativeKeyManager } from '../native/binding.cjs';
import { isText, readable, requestJson } from './arguments.js';
import { binding } from './binding.js';
import { BadRequestError } from './errors.js';
import { errorFrom, rejectionLater, rejectionNow, Unfit } from './failure.js';
import { nativeArguments } from './options.js';
import type {
  Endpoints,
  KeyManager,
  KeyManagerOptions,
  KeyManagerRejection,
  ManualKeyManager,
} from './types.js';
import { verificationBy } from './verify.js';
import { warnOfCreated } from './warning.js';

/**
 * Makes a key manager. It accepts the keys of the tenant `default` only, unless `tenants` or a root key says otherwise.
 * Nothing is opened yet: that is done at the first call, which throws 503 if it cannot be.
 *
 * @param options - the place, the endpoints and their limits
 * @returns frozen functions, which may be taken off it
 * @throws {@link BadRequestError} for a wrong URL, option or endpoint; the message names the endpoint and the field
 * @example
 * export const { createUserAPIKey, verifyUserAPIKey } = initKeyManager({
 *   endpoints: {
 *     GET_TASKS: { default: { maxReq: 10, duration: 60_000 }, roles: { PRO: { maxReq: 1000, duration: 60_000 } } },
 *   },
 * });
 */
export function initKeyManager<const E extends Endpoints>(
  options: KeyManagerOptions<E> & { readonly clock: 'manual' },
): ManualKeyManager<keyof E & string>;
export function initKeyManager<const E extends Endpoints>(
  options: KeyManagerOptions<E>,
): KeyManager<keyof E & string>;
export function initKeyManager(options: KeyManagerOptions): KeyManager | ManualKeyManager {
  const native = open(options);
  const verification = verificationBy(native);
  const { now, later } = operationsBy(native);

  const keyManager: KeyManager = {
    createUserAPIKey: (...given) => later('keyManager.createKey', () => creation(...given)),
    createUserAPIKeySync: (...given) => now('keyManager.createKey', () => creation(...given)),
    verifyUserAPIKey: verification.later,
    verifyUserAPIKeySync: verification.now,
    rotateUserAPIKey: (id) => later('keyManager.rotateKey', () => ({ id: idOf(id) })),
    rotateUserAPIKeySync: (id) => now('keyManager.rotateKey', () => ({ id: idOf(id) })),
    deleteUserAPIKey: (id) => later('keyManager.deleteKey', () => ({ id: idOf(id) })),
    deleteUserAPIKeySync: (id) => now('keyManager.deleteKey', () => ({ id: idOf(id) })),
    addRoles: (id, roles) => later('keyManager.addRoles', () => ({ id: idOf(id), roles })),
    addRolesSync: (id, roles) => now('keyManager.addRoles', () => ({ id: idOf(id), roles })),
    removeRoles: (id, roles) => later('keyManager.removeRoles', () => ({ id: idOf(id), roles })),
    removeRolesSync: (id, roles) => now('keyManager.removeRoles', () => ({ id: idOf(id), roles })),
  };
  return Object.freeze(native.isManual ? { ...keyManager, advance: advanceBy(native) } : keyManager);
}

function open(options: unknown): NativeKeyManager {
  const given = nativeArguments(options);
  try {
    return new binding.NativeKeyManager(...given);
  } catch (error) {
    throw errorFrom(error);
  }
}

type Request = Readonly<Record<string, unknown>>;

/** The core's operations, on this thread or off it; an answer has the fields that the core gives it. */
function operationsBy(native: NativeKeyManager) {
  return {
    now<Answer>(name: string, request: () => Request): Answer | KeyManagerRejection<never> {
      try {
        const answer = native.callSync(name, requestJson(request()));
        warnOfCreated(native);
        return answerOf<Answer>(answer);
      } catch (error) {
        return rejectionNow(native, error);
      }
    },

    async later<Answer>(name: string, request: () => Request): Promise<Answer | KeyManagerRejection<never>> {
      try {
        const answer = await native.call(name, requestJson(request()));
        warnOfCreated(native);
        return answerOf<Answer>(answer);
      } catch (error) {
        return await rejectionLater(native, error);
      }
    },
  };
}

function answerOf<Answer>(json: string): Answer {
  const answer = JSON.parse(json, (_, value: unknown) => Object.freeze(value)) as object;
  return Object.freeze({ success: true, ...answer }) as Answer;
}

/** The request for a new key. An option that is misspelt must not be lost. */
function creation(prefix: unknown, roles?: unknown, options: unknown = {}): Request {
  return readable('options', () => {
    if (typeof options !== 'object' || options === null) throw new Unfit('options must be an object');
    const { ownerId, name, expiresInSeconds, metadata, ...unknown } = options as Request;
    const [stray] = Object.keys(unknown);
    if (stray !== undefined) {
      throw new Unfit(`options: "${stray.toWellFormed()}" is not an option of createUserAPIKey`);
    }
    return { prefix, roles, ownerId, name, expiresInSeconds, metadata };
  });
}

/** An id, or null: that it is not one is said after all else has been checked. */
function idOf(id: unknown): string | null {
  return isText(id) ? id : null;
}

function advanceBy(native: NativeKeyManager): ManualKeyManager['advance'] {
  return (ms) => {
    if (!Number.isSafeInteger(ms) || ms < 0) {
      throw new BadRequestError(
        `ms must be a whole number of milliseconds from 0 to ${Number.MAX_SAFE_INTEGER}`,
      );
    }
    try {
      native.advance(ms);
    } catch (error) {
      throw errorFrom(error);
    }
  };
}
