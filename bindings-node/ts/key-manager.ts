import type { NativeKeyManager } from '../native/binding.cjs';
import { isText, readable, requestJson } from './arguments.js';
import { BadRequestError } from './errors.js';
import { callNative, InvalidArgument, rejectionAsync, rejectionSync } from './failure.js';
import { nativeKeyManager } from './options.js';
import type {
  CoreKeyManager,
  CoreKeyManagerOptions,
  Endpoints,
  KeyManager,
  KeyManagerOptions,
  KeyManagerRejection,
  ManualKeyManager,
} from './types.js';
import { verificationBy } from './verify.js';
import { warnOfCreated } from './warning.js';

/**
 * Makes a key manager. This does no I/O: the database is opened on first use. If it cannot be opened, that call fails
 * with status 503.
 *
 * @param options - the database or server, or a core that has opened one, and the endpoints with their limits
 * @returns a frozen object of functions, which may be destructured
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
  options: CoreKeyManagerOptions<E>,
): CoreKeyManager<keyof E & string>;
export function initKeyManager<const E extends Endpoints>(
  options: KeyManagerOptions<E>,
): KeyManager<keyof E & string>;
export function initKeyManager(options: KeyManagerOptions | CoreKeyManagerOptions): CoreKeyManager {
  const native = nativeKeyManager(options);
  const verification = verificationBy(native);
  const { run, runSync } = operationsBy(native);

  const keyManager: KeyManager = {
    createUserAPIKey: (...given) => run('keyManager.createKey', () => createRequest(...given)),
    createUserAPIKeySync: (...given) => runSync('keyManager.createKey', () => createRequest(...given)),
    verifyUserAPIKey: verification.verify,
    verifyUserAPIKeySync: verification.verifySync,
    rotateUserAPIKey: (id) => run('keyManager.rotateKey', () => ({ id: idOf(id) })),
    rotateUserAPIKeySync: (id) => runSync('keyManager.rotateKey', () => ({ id: idOf(id) })),
    deleteUserAPIKey: (id) => run('keyManager.deleteKey', () => ({ id: idOf(id) })),
    deleteUserAPIKeySync: (id) => runSync('keyManager.deleteKey', () => ({ id: idOf(id) })),
    addRoles: (id, roles) => run('keyManager.addRoles', () => ({ id: idOf(id), roles })),
    addRolesSync: (id, roles) => runSync('keyManager.addRoles', () => ({ id: idOf(id), roles })),
    removeRoles: (id, roles) => run('keyManager.removeRoles', () => ({ id: idOf(id), roles })),
    removeRolesSync: (id, roles) => runSync('keyManager.removeRoles', () => ({ id: idOf(id), roles })),
  };
  return Object.freeze(native.isManual ? { ...keyManager, advance: advanceBy(native) } : keyManager);
}

type Request = Readonly<Record<string, unknown>>;

/** Runs operations of the core, in the background or on this thread. A result has the fields of the core's output. */
function operationsBy(native: NativeKeyManager) {
  return {
    async run<Result>(name: string, request: () => Request): Promise<Result | KeyManagerRejection<never>> {
      try {
        const output = await native.call(name, requestJson(request()));
        warnOfCreated(native);
        return successOf<Result>(output);
      } catch (error) {
        return await rejectionAsync(native, error);
      }
    },

    runSync<Result>(name: string, request: () => Request): Result | KeyManagerRejection<never> {
      try {
        const output = native.callSync(name, requestJson(request()));
        warnOfCreated(native);
        return successOf<Result>(output);
      } catch (error) {
        return rejectionSync(native, error);
      }
    },
  };
}

function successOf<Result>(json: string): Result {
  const output = JSON.parse(json, (_, value: unknown) => Object.freeze(value)) as object;
  return Object.freeze({ success: true, ...output }) as Result;
}

/** The request for a new key. A misspelt option is rejected. */
function createRequest(prefix: unknown, roles?: unknown, options: unknown = {}): Request {
  return readable('options', () => {
    if (typeof options !== 'object' || options === null)
      throw new InvalidArgument('options must be an object');
    const { ownerId, name, expiresInSeconds, metadata, ...rest } = options as Request;
    const [unknown] = Object.keys(rest);
    if (unknown !== undefined) {
      throw new InvalidArgument(`options: "${unknown.toWellFormed()}" is not an option of createUserAPIKey`);
    }
    return { prefix, roles, ownerId, name, expiresInSeconds, metadata };
  });
}

/** The id, or null if it cannot be one. The core rejects null after it has checked the other arguments. */
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
    callNative(() => native.advance(ms));
  };
}
