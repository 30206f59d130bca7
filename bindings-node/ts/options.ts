import { isReadable } from './arguments.js';
import { checkHttp } from './core-options.js';
import { BadRequestError } from './errors.js';

/** The arguments of the native key manager. */
export type NativeArguments = [
  url: string,
  rootAPIKey: string | null,
  endpoints: string,
  options: string,
  tenants: string | null,
];

/** The options of `initKeyManager`, with their JavaScript types checked; throws `BadRequestError`. */
export function nativeArguments(given: unknown): NativeArguments {
  const { rootAPIKey, url = 'sqlite:gatekeeper.db', endpoints, tenants, ...options } = fieldsOf(given);
  if (rootAPIKey !== undefined && typeof rootAPIKey !== 'string') {
    throw new BadRequestError('rootAPIKey must be a string; leave it out to act as the operator');
  }
  if (typeof url !== 'string' || !url.isWellFormed()) throw new BadRequestError('url must be a string');
  checkHttp(options);
  const accepted = tenants === undefined ? null : json('tenants', tenants);
  return [url, rootAPIKey ?? null, json('endpoints', endpoints), json('options', options), accepted];
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
