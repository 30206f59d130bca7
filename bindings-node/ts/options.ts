import type { NativeKeyManager } from '../native/binding.cjs';
import { isReadable } from './arguments.js';
import { binding } from './binding.js';
import { checkHttp } from './core-options.js';
import { BadRequestError } from './errors.js';
import { callNative } from './failure.js';
import { coreOf } from './service.js';

/** The native key manager for the options of `initKeyManager`; throws `BadRequestError` for a wrong option. */
export function nativeKeyManager(given: unknown): NativeKeyManager {
  const { rootAPIKey, url, core, endpoints, tenants, ...options } = fieldsOf(given);
  if (rootAPIKey !== undefined && typeof rootAPIKey !== 'string') {
    throw new BadRequestError('rootAPIKey must be a string; leave it out to act as the operator');
  }
  if (core !== undefined && url !== undefined) {
    throw new BadRequestError('url and core exclude each other: leave one of them out');
  }
  const backend = core === undefined ? urlOf(url) : coreOf(core);
  checkHttp(options);
  const shared = [
    rootAPIKey ?? null,
    json('endpoints', endpoints),
    json('options', options),
    tenants === undefined ? null : json('tenants', tenants),
  ] as const;
  return typeof backend === 'string'
    ? callNative(() => new binding.NativeKeyManager(backend, ...shared))
    : backend._keyManager(...shared);
}

function urlOf(url: unknown = 'sqlite:gatekeeper.db'): string {
  if (typeof url !== 'string' || !url.isWellFormed()) throw new BadRequestError('url must be a string');
  return url;
}

function fieldsOf(given: unknown): Record<string, unknown> {
  if (typeof given !== 'object' || given === null) {
    throw new BadRequestError('the options of initKeyManager must be an object');
  }
  try {
    return { ...given };
  } catch (error) {
    throw new BadRequestError('the options cannot be read', { cause: error });
  }
}

/**
 * `value` as JSON. A value that JSON cannot represent becomes null, so that the core names the field and rejects it.
 */
function json(what: string, value: unknown): string {
  try {
    const text = JSON.stringify(value, (name, inner: unknown) => {
      if (!name.isWellFormed()) throw new BadRequestError(`${what}: a name is not well-formed Unicode`);
      return isReadable(inner) ? inner : null;
    });
    return text ?? 'null';
  } catch (error) {
    if (error instanceof BadRequestError) throw error;
    throw new BadRequestError(`${what} cannot be read as JSON`, { cause: error });
  }
}
