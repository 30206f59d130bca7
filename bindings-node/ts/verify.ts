import type { NativeKeyManager } from '../native/binding.cjs';
import { isText, pack, variablesOf } from './arguments.js';
import { InvalidArgument, rejectionAsync, rejectionSync } from './failure.js';
import { Memo } from './memo.js';
import type { InvalidUserAPIKey, ValidUserAPIKey, VerifyUserAPIKeyResult } from './types.js';
import { warn, warnOfCreated } from './warning.js';

type Verdict = ValidUserAPIKey | InvalidUserAPIKey;

/** The codes that the native hot call returns. Any other code means that the verification needs I/O. */
const ADMITTED = 0;
const RATE_LIMITED = 1;
const INVALID_KEY = 2;
const INVALID_KEY_AND_WARNING = 4;

const NONE: readonly string[] = Object.freeze([]);
const INVALID: InvalidUserAPIKey = Object.freeze({ success: true, keyValid: false, ok: false });

/** The id and the owner of a key. */
type Identity = Pick<ValidUserAPIKey, 'keyId' | 'ownerId'>;

/** How many identities and role sets are cached. */
const IDENTITIES = 16_384;
const ROLE_SETS = 1024;

/** The verification of one key manager. It does I/O only if the record of the key is not cached. */
export interface Verification {
  readonly verify: (
    userAPIKey: unknown,
    endpointName: unknown,
    variables: unknown,
  ) => Promise<VerifyUserAPIKeyResult>;
  readonly verifySync: (
    userAPIKey: unknown,
    endpointName: unknown,
    variables: unknown,
  ) => VerifyUserAPIKeyResult;
}

/** The verification of `native`. */
export function verificationBy(native: NativeKeyManager): Verification {
  const verifyHot = native.hotVerify();
  const endpointIndexes = new Map<unknown, number>(native.endpointNames.map((name, index) => [name, index]));
  const identityOfLast = native.hotIdentity();
  const identities = new Memo<Identity>(IDENTITIES);
  const roleSets = new Memo<readonly string[]>(ROLE_SETS);
  // In: the index of the endpoint and the number of variables. Out: the numbers of a verdict, in the order below.
  const registers = new Float64Array(9) as Float64Array & Record<0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8, number>;

  /** The verdict without I/O; `undefined` if I/O is needed, or if the core has to reject an argument. */
  function withoutIo(
    userAPIKey: unknown,
    endpointName: unknown,
    variables: unknown = NONE,
  ): Verdict | undefined {
    const endpoint = endpointIndexes.get(endpointName);
    const key = userAPIKey ?? '';
    if (endpoint === undefined || typeof key !== 'string' || !Array.isArray(variables)) return undefined;
    // Before the registers are written: reading a proxy may run code that calls this function.
    const given = singleText(variables) ?? variablesOf(variables);
    const isOne = typeof given === 'string';
    registers[0] = endpoint;
    registers[1] = isOne ? 1 : given.length;
    switch (verifyHot(key, isOne ? given : pack(given), registers)) {
      case ADMITTED:
        return valid(true);
      case RATE_LIMITED:
        return valid(false);
      case INVALID_KEY:
        return INVALID;
      case INVALID_KEY_AND_WARNING:
        return invalid();
      default:
        return undefined;
    }
  }

  /** The result for a key that is not valid, after a warning for the operator if there is one. */
  function invalid(): InvalidUserAPIKey {
    warn(native);
    return INVALID;
  }

  function valid(ok: boolean): ValidUserAPIKey {
    const { keyId, ownerId } = identities.get(registers[4]) ?? identities.set(registers[4], identity());
    const roles = roleSets.get(registers[5]) ?? roleSets.set(registers[5], roleSet());
    return Object.freeze({
      success: true,
      keyValid: true,
      ok,
      remaining: registers[0],
      total: registers[1],
      reset: registers[2],
      retryAfterMs: registers[3],
      windowMs: registers[7],
      resetAfterMs: registers[8],
      keyId,
      ownerId,
      roles,
      role: registers[6] < 0 ? null : (roles[registers[6]] as string),
    });
  }

  /** The roles as a list of this realm. The native side makes its lists in the main realm. */
  function roleSet(): readonly string[] {
    return Object.freeze([...native.lastRoles()]);
  }

  function identity(): Identity {
    const text = identityOfLast();
    const colon = text.indexOf(':');
    if (colon < 0) return { keyId: text, ownerId: null };
    return { keyId: text.slice(0, colon), ownerId: text.slice(colon + 1) };
  }

  return {
    async verify(userAPIKey, endpointName, variables) {
      try {
        const verdict = withoutIo(userAPIKey, endpointName, variables);
        if (verdict !== undefined) return verdict;
        const [key, endpoint, list] = checked(userAPIKey, endpointName, variables);
        const output = await native.verify(key, endpoint, list);
        warnOfCreated(native);
        return verdictOf(output) ?? invalid();
      } catch (error) {
        return await rejectionAsync(native, error);
      }
    },

    verifySync(userAPIKey, endpointName, variables) {
      try {
        const verdict = withoutIo(userAPIKey, endpointName, variables);
        if (verdict !== undefined) return verdict;
        const [key, endpoint, list] = checked(userAPIKey, endpointName, variables);
        const output = native.verifySync(key, endpoint, list);
        warnOfCreated(native);
        return verdictOf(output) ?? invalid();
      } catch (error) {
        return rejectionSync(native, error);
      }
    },
  };
}

/** The variable of a list that has exactly one: the common case, without a copy. A proxy may throw here. */
function singleText(variables: readonly unknown[]): string | undefined {
  try {
    if (variables.length !== 1) return undefined;
    const only = variables[0];
    return isText(only) ? only : undefined;
  } catch {
    return undefined;
  }
}

/** The arguments, with their types checked. The core checks their values. */
function checked(userAPIKey: unknown, endpointName: unknown, variables: unknown): [string, string, string[]] {
  // A request without a key.
  const key = userAPIKey ?? '';
  if (typeof key !== 'string') throw new InvalidArgument('userAPIKey must be a string, null or undefined');
  if (!isText(endpointName)) throw new InvalidArgument('endpointName must be the name of a defined endpoint');
  return [key, endpointName, variablesOf(variables)];
}

/** The verdict of a valid key, from the JSON of the native side; `undefined` for a key that is not valid. */
function verdictOf(json: string): ValidUserAPIKey | undefined {
  const verdict = JSON.parse(json) as Omit<ValidUserAPIKey, 'success'> | { readonly keyValid: false };
  if (!verdict.keyValid) return undefined;
  const { ok, remaining, total, reset, retryAfterMs, windowMs, resetAfterMs, keyId, ownerId, roles, role } =
    verdict;
  return Object.freeze({
    success: true,
    keyValid: true,
    ok,
    remaining,
    total,
    reset,
    retryAfterMs,
    windowMs,
    resetAfterMs,
    keyId,
    ownerId,
    roles: Object.freeze(roles),
    role,
  });
}
