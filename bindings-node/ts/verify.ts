import type { NativeKeyManager } from '../native/binding.cjs';
import { isText, pack, textsOf } from './arguments.js';
import { InvalidArgument, rejectionAsync, rejectionSync } from './failure.js';
import { Identities, identityOf, type Identity } from './identity.js';
import { Memo } from './memo.js';
import type { InvalidUserAPIKey, ValidUserAPIKey, VerifyUserAPIKeyResult } from './types.js';
import { verifyOptionsOf, type CheckedVerifyOptions } from './verify-options.js';
import { warn, warnOfCreated } from './warning.js';

type Verdict = ValidUserAPIKey | InvalidUserAPIKey;

/** The codes that the native hot call returns. Any other code means that the verification needs I/O. */
const ADMITTED = 0;
const RATE_LIMITED = 1;
const INSUFFICIENT_SCOPE = 2;
const INVALID_KEY = 3;
const INVALID_KEY_AND_WARNING = 4;

const NONE: readonly string[] = Object.freeze([]);
const INVALID: InvalidUserAPIKey = Object.freeze({ success: true, keyValid: false, ok: false });

/** How many role sets are cached. */
const ROLE_SETS = 1024;

/**
 * The numbers that cross between the façade and the native side. In: the index of the endpoint, the number of
 * variables, and for a call with options the cost, the number of scopes, and 1 if there is a client address. Out: the
 * numbers of a verdict, as `validOf` reads them, and the serial numbers of the identity and of the roles.
 */
type Registers = Float64Array & Record<0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8, number>;

/** The verification of one key manager. It does I/O only if the record of the key is not cached. */
export interface Verification {
  readonly verify: (
    userAPIKey: unknown,
    endpointName: unknown,
    variables?: unknown,
    options?: unknown,
  ) => Promise<VerifyUserAPIKeyResult>;
  readonly verifySync: (
    userAPIKey: unknown,
    endpointName: unknown,
    variables?: unknown,
    options?: unknown,
  ) => VerifyUserAPIKeyResult;
}

/** The verification of `native`. */
export function verificationBy(native: NativeKeyManager): Verification {
  const verifyHot = native.hotVerify();
  const identityOfLast = native.hotIdentity();
  const endpointNames = native.endpointNames;
  const endpointIndexes = new Map<unknown, number>(endpointNames.map((name, index) => [name, index]));
  const identities = new Identities();
  const roleSets = new Memo<readonly string[]>(ROLE_SETS);
  const registers = new Float64Array(9) as Registers;

  /** The verdict; `undefined` if it needs I/O: the native side then keeps what is left to do. */
  function start(
    userAPIKey: unknown,
    endpointName: unknown,
    variables: unknown,
    options: unknown,
  ): Verdict | undefined {
    // A request without a key.
    const key = userAPIKey ?? '';
    if (typeof key !== 'string') throw new InvalidArgument('userAPIKey must be a string, null or undefined');
    const endpoint = endpointIndexes.get(endpointName) ?? undefinedEndpoint(endpointName);
    // Before the registers are written: reading a proxy or a getter may run code that calls this function.
    const given = variables === undefined ? NONE : (singleText(variables) ?? textsOf('variables', variables));
    const checked = options === undefined ? undefined : verifyOptionsOf(options);
    const isOne = typeof given === 'string';
    registers[0] = endpoint;
    registers[1] = isOne ? 1 : given.length;
    const packed = isOne ? given : pack(given);
    switch (checked === undefined ? verifyHot(key, packed, registers) : withOptions(key, packed, checked)) {
      case ADMITTED:
        return valid('valid');
      case RATE_LIMITED:
        return valid('rate_limited');
      case INSUFFICIENT_SCOPE:
        return valid('insufficient_scope');
      case INVALID_KEY:
        return INVALID;
      case INVALID_KEY_AND_WARNING:
        return invalid();
      default:
        return undefined;
    }
  }

  function withOptions(key: string, variables: string, options: CheckedVerifyOptions): number {
    registers[2] = options.cost;
    registers[3] = options.scopes.length;
    registers[4] = options.clientAddress === null ? 0 : 1;
    const texts =
      options.clientAddress === null ? options.scopes : [...options.scopes, options.clientAddress];
    return verifyHot(key, variables, registers, pack(texts));
  }

  /** An index that no endpoint has: the core rejects it. */
  function undefinedEndpoint(name: unknown): number {
    if (isText(name)) return endpointNames.length;
    throw new InvalidArgument('endpointName must be the name of a defined endpoint');
  }

  /** The result for a key that is not valid, after a warning for the operator if there is one. */
  function invalid(): InvalidUserAPIKey {
    warn(native);
    return INVALID;
  }

  function valid(code: ValidUserAPIKey['code']): ValidUserAPIKey {
    const identity = identities.get(registers[7]) ?? identities.set(registers[7], identityOfLast());
    const roles = roleSets.get(registers[8]) ?? roleSets.set(registers[8], roleSet());
    return validOf(code, registers, identity, roles);
  }

  /** The roles as a list of this realm. The native side makes its lists in the main realm. */
  function roleSet(): readonly string[] {
    return Object.freeze([...native.lastRoles()]);
  }

  return {
    async verify(userAPIKey, endpointName, variables, options) {
      try {
        const verdict = start(userAPIKey, endpointName, variables, options);
        if (verdict !== undefined) return verdict;
        const output = await native.finish();
        warnOfCreated(native);
        return verdictOf(output) ?? invalid();
      } catch (error) {
        return await rejectionAsync(native, error);
      }
    },

    verifySync(userAPIKey, endpointName, variables, options) {
      try {
        const verdict = start(userAPIKey, endpointName, variables, options);
        if (verdict !== undefined) return verdict;
        const output = native.finishSync();
        warnOfCreated(native);
        return verdictOf(output) ?? invalid();
      } catch (error) {
        return rejectionSync(native, error);
      }
    },
  };
}

/** The variable of a list that has exactly one: the common case, without a copy. A proxy may throw here. */
function singleText(variables: unknown): string | undefined {
  try {
    if (!Array.isArray(variables) || variables.length !== 1) return undefined;
    const only: unknown = variables[0];
    return isText(only) ? only : undefined;
  } catch {
    return undefined;
  }
}

function validOf(
  code: ValidUserAPIKey['code'],
  numbers: Registers,
  identity: Identity,
  roles: readonly string[],
): ValidUserAPIKey {
  return Object.freeze({
    success: true,
    keyValid: true,
    ok: code === 'valid',
    code,
    remaining: numbers[0],
    total: numbers[1],
    reset: numbers[2],
    retryAfterMs: numbers[3],
    windowMs: numbers[4],
    resetAfterMs: numbers[5],
    keyId: identity.keyId,
    tenantId: identity.tenantId,
    ownerId: identity.ownerId,
    name: identity.name,
    roles,
    role: numbers[6] < 0 ? null : (roles[numbers[6]] as string),
    scopes: identity.scopes,
    metadata: identity.metadata,
  } as ValidUserAPIKey);
}

/** A verdict on a valid key as the native side sends it. */
interface Sent {
  readonly code: ValidUserAPIKey['code'];
  readonly numbers: readonly number[];
  readonly identity: string;
  readonly roles: readonly string[];
}

/** The verdict on a valid key, from the JSON of the native side; `undefined` for a key that is not valid. */
function verdictOf(json: string): ValidUserAPIKey | undefined {
  const sent = JSON.parse(json) as Sent | null;
  if (sent === null) return undefined;
  const { code, numbers, identity, roles } = sent;
  return validOf(code, Float64Array.from(numbers) as Registers, identityOf(identity), Object.freeze(roles));
}
