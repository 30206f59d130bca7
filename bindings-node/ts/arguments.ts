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
  return readable(field, () =>
    JSON.stringify(value, (name, inner: unknown) => {
      if (name.isWellFormed() && isJson(inner)) return inner;
      throw new Unfit(
        `${field} holds what JSON does not have: undefined, a BigInt, symbol or function, NaN or Infinity, or a lone surrogate`,
      );
    }),
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

function isJson(value: unknown): boolean {
  switch (typeof value) {
    case 'string':
      return value.isWellFormed();
    case 'number':
      return Number.isFinite(value);
    case 'boolean':
    case 'object':
      return true;
    default:
      return false;
  }
}
