import { InvalidArgument } from './failure.js';

/** Whether `value` is a string without lone surrogates, which UTF-8 cannot encode. */
export function isText(value: unknown): value is string {
  return typeof value === 'string' && value.isWellFormed();
}

/** The strings of a list, such as the variables of a verification; throws `InvalidArgument` for another value. */
export function textsOf(what: string, value: unknown): readonly string[] {
  const texts = readable(what, () => (Array.isArray(value) ? Array.from<unknown>(value) : undefined));
  if (texts === undefined) throw new InvalidArgument(`${what} must be a list of strings`);
  const wrong = texts.findIndex((text) => !isText(text));
  if (wrong !== -1) throw new InvalidArgument(`${what}[${wrong}] must be a string of well-formed Unicode`);
  return texts as string[];
}

/**
 * Encodes a list as one string. A single text is itself; of several, each follows its length in UTF-16 code units, as in
 * `5:tasks1:7`.
 */
export function pack(texts: readonly string[]): string {
  if (texts.length === 1) return texts[0] as string;
  let packed = '';
  for (const text of texts) packed += `${text.length}:${text}`;
  return packed;
}

/**
 * A request as JSON, without the fields that are `undefined`. Throws `InvalidArgument` for a value that JSON would
 * silently drop or change.
 */
export function requestJson(request: Readonly<Record<string, unknown>>): string {
  const given = Object.entries(request).filter(([, value]) => value !== undefined);
  return `{${given.map(([field, value]) => `${json('a name', field)}:${json(field, value)}`).join()}}`;
}

function json(field: string, value: unknown): string {
  return readable(field, () => JSON.stringify(plain(value, field, DEPTH)));
}

/** The maximum nesting depth of a value. It also stops at a value that contains itself. */
const DEPTH = 126;

const JSON_TYPES = 'text, a finite number, true, false, null, a list, a plain object';

/**
 * A copy of `value` that JSON represents exactly. Throws `InvalidArgument`, with the path, for a value that JSON would
 * silently drop or change: an instance of a class without `toJSON`, a hole in a list, a symbol as a name.
 */
function plain(value: unknown, at: string, levels: number): unknown {
  switch (typeof value) {
    case 'string':
      if (value.isWellFormed()) return value;
      throw new InvalidArgument(`${at} must be well-formed Unicode: it holds a lone surrogate`);
    case 'number':
      if (Number.isFinite(value)) return value;
      break;
    case 'boolean':
      return value;
    case 'object': {
      if (value === null) return value;
      if (levels === 0)
        throw new InvalidArgument(`${at} must not nest deeper than ${DEPTH} levels, nor contain itself`);
      if (Array.isArray(value)) return listOf(value, at, levels);
      const converted = toJson(value);
      // `toJSON` of an invalid date returns null.
      if (converted !== value && converted !== null && converted !== undefined) {
        return plain(converted, at, levels - 1);
      }
      if (converted === value && isPlain(value)) return objectOf(value, at, levels);
    }
  }
  throw new InvalidArgument(`${at} must be a JSON value: ${JSON_TYPES}`);
}

function listOf(list: readonly unknown[], at: string, levels: number): unknown[] {
  if (Object.keys(list).length > list.length)
    throw new InvalidArgument(`${at} must be a list without further properties`);
  return Array.from(list, (each, index) => plain(each, `${at}[${index}]`, levels - 1));
}

function objectOf(object: object, at: string, levels: number): object {
  const isSeen = (symbol: symbol) => Object.prototype.propertyIsEnumerable.call(object, symbol);
  if (Object.getOwnPropertySymbols(object).some(isSeen))
    throw new InvalidArgument(`${at}: each name must be a string`);
  const fields = Object.entries(object).map(([name, inner]): [string, unknown] => {
    if (!name.isWellFormed()) throw new InvalidArgument(`${at}: a name is not well-formed Unicode`);
    return [name, plain(inner, `${at}.${name}`, levels - 1)];
  });
  // `fromEntries` makes a field named __proto__ an own property.
  return Object.fromEntries(fields);
}

/** The result of the object's `toJSON` method, which a date has; without the method, the object itself. */
function toJson(value: object): unknown {
  const { toJSON } = value as { toJSON?: unknown };
  return typeof toJSON === 'function' ? (toJSON.call(value) as unknown) : value;
}

/** Whether an object is no instance of a class, in this realm or another: the prototype of its prototype is null. */
export function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === null) return true;
  return (
    Object.getPrototypeOf(prototype) === null && Object.prototype.toString.call(value) === '[object Object]'
  );
}

/** The result of `read`, which reads a caller's object. A getter or proxy of that object may throw anything. */
export function readable<T>(what: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw error instanceof InvalidArgument ? error : new InvalidArgument(`${what} cannot be read`);
  }
}

/** Whether JSON can represent an option; an instance of a class it cannot. A number that is not finite becomes null. */
export function isReadable(value: unknown): boolean {
  if (typeof value === 'string') return value.isWellFormed();
  if (typeof value === 'object' && value !== null) return Array.isArray(value) || isPlain(value);
  return ['number', 'boolean', 'object', 'undefined'].includes(typeof value);
}
