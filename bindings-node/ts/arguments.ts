import { Unfit } from './failure.js';

/** Whether `value` is a string without lone surrogates, which have no UTF-8. */
export function isText(value: unknown): value is string {
  return typeof value === 'string' && value.isWellFormed();
}

/** The variables of a verification; throws `Unfit` for what is not a list of strings. */
export function variablesOf(value: unknown): string[] {
  if (value === undefined) return [];
  if (!Array.isArray(value)) throw new Unfit('variables must be a list of strings');
  const variables = readable('variables', () => Array.from<unknown>(value));
  const wrong = variables.findIndex((variable) => !isText(variable));
  if (wrong !== -1) throw new Unfit(`variables[${wrong}] must be a string of well-formed Unicode`);
  return variables as string[];
}

/**
 * Variables as one string: one stands for itself, several each behind their length in UTF-16 code units, as in
 * `5:tasks1:7`.
 */
export function pack(variables: readonly string[]): string {
  if (variables.length === 1) return variables[0] as string;
  let packed = '';
  for (const variable of variables) packed += `${variable.length}:${variable}`;
  return packed;
}

/**
 * A request as JSON without the fields that are `undefined`. Throws `Unfit` for what JSON would lose or change without a
 * word.
 */
export function requestJson(request: Readonly<Record<string, unknown>>): string {
  const given = Object.entries(request).filter(([, value]) => value !== undefined);
  return `{${given.map(([field, value]) => `${json('a name', field)}:${json(field, value)}`).join()}}`;
}

function json(field: string, value: unknown): string {
  return readable(field, () => JSON.stringify(plain(value, field, DEPTH)));
}

/** How deep a value may nest; what contains itself is deeper. */
const DEPTH = 126;

const JSON_HAS = 'text, a finite number, true, false, null, a list, a plain object';

/**
 * A copy of `value` that JSON has as it is. Throws `Unfit`, with the path, for what JSON would lose or change without a
 * word: what has a class and no `toJSON`, a hole in a list, a name that is a symbol.
 */
function plain(value: unknown, at: string, levels: number): unknown {
  switch (typeof value) {
    case 'string':
      if (value.isWellFormed()) return value;
      throw new Unfit(`${at} holds what JSON does not have: a lone surrogate`);
    case 'number':
      if (Number.isFinite(value)) return value;
      break;
    case 'boolean':
      return value;
    case 'object': {
      if (value === null) return value;
      if (levels === 0)
        throw new Unfit(`${at} must not nest deeper than ${DEPTH} levels, nor contain itself`);
      if (Array.isArray(value)) return listOf(value, at, levels);
      const own = toJson(value);
      // A date that is none says null of itself.
      if (own !== value && own !== null && own !== undefined) return plain(own, at, levels - 1);
      if (own === value && isPlain(value)) return objectOf(value, at, levels);
    }
  }
  throw new Unfit(`${at} holds what JSON does not have: it must be ${JSON_HAS}`);
}

function listOf(list: readonly unknown[], at: string, levels: number): unknown[] {
  if (Object.keys(list).length > list.length)
    throw new Unfit(`${at} must be a list without names of its own`);
  return Array.from(list, (each, place) => plain(each, `${at}[${place}]`, levels - 1));
}

function objectOf(object: object, at: string, levels: number): object {
  const isSeen = (symbol: symbol) => Object.prototype.propertyIsEnumerable.call(object, symbol);
  if (Object.getOwnPropertySymbols(object).some(isSeen)) throw new Unfit(`${at}: each name must be a string`);
  const fields = Object.entries(object).map(([name, inner]): [string, unknown] => {
    if (!name.isWellFormed()) throw new Unfit(`${at}: a name is not well-formed Unicode`);
    return [name, plain(inner, `${at}.${name}`, levels - 1)];
  });
  // Also a field called __proto__ is one of its own.
  return Object.fromEntries(fields);
}

/** What an object says of itself in JSON, as a date does; otherwise the object. */
function toJson(value: object): unknown {
  const { toJSON } = value as { toJSON?: unknown };
  return typeof toJSON === 'function' ? (toJSON.call(value) as unknown) : value;
}

/** Whether an object is one of no class, of this realm or another: the prototype of its prototype is null. */
function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === null) return true;
  return (
    Object.getPrototypeOf(prototype) === null && Object.prototype.toString.call(value) === '[object Object]'
  );
}

/** What `read` makes of a caller's object, whose own code may throw anything. */
export function readable<T>(what: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw error instanceof Unfit ? error : new Unfit(`${what} cannot be read`);
  }
}

/** Whether JSON has an option as it is: an object of a class would lose what is in it. What is not finite is null there. */
export function isReadable(value: unknown): boolean {
  if (typeof value === 'string') return value.isWellFormed();
  if (typeof value === 'object' && value !== null) return Array.isArray(value) || isPlain(value);
  return ['number', 'boolean', 'object', 'undefined'].includes(typeof value);
}
