import { isPlain, isText, readable, textsOf } from './arguments.js';
import { InvalidArgument } from './failure.js';

/** The options of a verification, with their types checked. The core checks their values. */
export interface CheckedVerifyOptions {
  readonly cost: number;
  readonly scopes: readonly string[];
  readonly clientAddress: string | null;
}

const MAX_COST = 2 ** 32 - 1;

/** Checks the options of a verification; throws `InvalidArgument`. A misspelt one would check nothing. */
export function verifyOptionsOf(options: unknown): CheckedVerifyOptions {
  return readable('options', () => {
    if (typeof options !== 'object' || options === null || !isPlain(options)) {
      throw new InvalidArgument('options must be a plain object');
    }
    const {
      scopes = [],
      cost = 1,
      clientAddress = null,
      ...rest
    } = options as Readonly<Record<string, unknown>>;
    const [unknown] = Object.keys(rest);
    if (unknown !== undefined) {
      throw new InvalidArgument(
        `options: "${unknown.toWellFormed()}" is not an option of verifyUserAPIKey: give scopes, cost or clientAddress`,
      );
    }
    // 0 passes: the core rejects it.
    if (!Number.isInteger(cost) || (cost as number) < 0 || (cost as number) > MAX_COST) {
      throw new InvalidArgument(`cost must be a whole number from 1 to ${MAX_COST}`);
    }
    if (clientAddress !== null && !isText(clientAddress)) {
      throw new InvalidArgument('clientAddress must be an IP address as a string, or undefined');
    }
    return { cost: cost as number, scopes: textsOf('scopes', scopes), clientAddress };
  });
}
