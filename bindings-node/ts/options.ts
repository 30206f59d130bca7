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

/** What `initKeyManager` was given, checked as far as JavaScript can go wrong; throws `BadRequestError`. */
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
    throw new BadRequestError('initKeyManager takes an object of options');
  }
  try {
    return { ...given };
  } catch (error) {
    throw new BadRequestError('the options cannot be read', { cause: error });
  }
}

/** `value` as JSON in which what JSON does not have is null, so that the core rejects it by its name. */
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
