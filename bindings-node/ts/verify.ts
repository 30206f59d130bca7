import type { NativeKeyManager } from '../native/binding.cjs';
import { isText, pack, variablesOf } from './arguments.js';
import { rejectionLater, rejectionNow, Unfit } from './failure.js';
import { Memo } from './memo.js';
import type { InvalidUserAPIKey, ValidUserAPIKey, VerifyUserAPIKeyResult } from './types.js';
import { warn, warnOfCreated } from './warning.js';

type Verdict = ValidUserAPIKey | InvalidUserAPIKey;

/** What the native hot call answers; anything else is that the disk has to be asked. */
const ADMITTED = 0;
const RATE_LIMITED = 1;
const INVALID_KEY = 2;
const INVALID_KEY_AND_WARNING = 4;

const NONE: readonly string[] = Object.freeze([]);
const INVALID: InvalidUserAPIKey = Object.freeze({ success: true, keyValid: false, ok: false });

/** Whose key it is. */
type Identity = Pick<ValidUserAPIKey, 'keyId' | 'ownerId'>;

/** How many identities and role sets are remembered. */
const IDENTITIES = 16_384;
const ROLE_SETS = 1024;

/** Verification for one key manager, from memory where that can be, otherwise with the disk. */
export interface Verification {
  readonly now: (userAPIKey: unknown, endpointName: unknown, variables: unknown) => VerifyUserAPIKeyResult;
  readonly later: (
    userAPIKey: unknown,
    endpointName: unknown,
    variables: unknown,
  ) => Promise<VerifyUserAPIKeyResult>;
}

/** The verification of `native`. */
export function verificationBy(native: NativeKeyManager): Verification {
  const verifyHot = native.hotVerify();
  const places = new Map<unknown, number>(native.endpointNames.map((name, place) => [name, place]));
  const identityOfLast = native.hotIdentity();
  const identities = new Memo<Identity>(IDENTITIES);
  const roleSets = new Memo<readonly string[]>(ROLE_SETS);
  // In: the place of the endpoint and the number of variables. Out: the numbers of a verdict, in the order below.
  const registers = new Float64Array(7) as Float64Array & Record<0 | 1 | 2 | 3 | 4 | 5 | 6, number>;

  /** The verdict if memory has it; nothing where the disk has to be asked, or the core to say what is wrong. */
  function atOnce(
    userAPIKey: unknown,
    endpointName: unknown,
    variables: unknown = NONE,
  ): Verdict | undefined {
    const place = places.get(endpointName);
    const key = userAPIKey ?? '';
    if (place === undefined || typeof key !== 'string' || !Array.isArray(variables)) return undefined;
    // First read what is the caller's: a proxy's own code may call back in here.
    const given = onlyText(variables) ?? variablesOf(variables);
    const isOne = typeof given === 'string';
    registers[0] = place;
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

  /** A key that is not valid: where that is a reason to warn the operator, it was just found. */
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
      keyId,
      ownerId,
      roles,
      role: registers[6] < 0 ? null : (roles[registers[6]] as string),
    });
  }

  /** A list of this realm, which the one that the native side makes need not be. */
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
    now(userAPIKey, endpointName, variables) {
      try {
        const verdict = atOnce(userAPIKey, endpointName, variables);
        if (verdict !== undefined) return verdict;
        const [key, endpoint, list] = checked(userAPIKey, endpointName, variables);
        const answer = native.verifySync(key, endpoint, list);
        warnOfCreated(native);
        return verdictOf(answer) ?? invalid();
      } catch (error) {
        return rejectionNow(native, error);
      }
    },

    async later(userAPIKey, endpointName, variables) {
      try {
        const verdict = atOnce(userAPIKey, endpointName, variables);
        if (verdict !== undefined) return verdict;
        const [key, endpoint, list] = checked(userAPIKey, endpointName, variables);
        const answer = await native.verify(key, endpoint, list);
        warnOfCreated(native);
        return verdictOf(answer) ?? invalid();
      } catch (error) {
        return await rejectionLater(native, error);
      }
    },
  };
}

/** The one variable there is: the usual case, told without a copy. A list's own code may throw if it is a proxy. */
function onlyText(variables: readonly unknown[]): string | undefined {
  try {
    if (variables.length !== 1) return undefined;
    const only = variables[0];
    return isText(only) ? only : undefined;
  } catch {
    return undefined;
  }
}

/** The arguments, if they are of the right types; whether they make sense is for the core to say. */
function checked(userAPIKey: unknown, endpointName: unknown, variables: unknown): [string, string, string[]] {
  // A request without a key.
  const key = userAPIKey ?? '';
  if (typeof key !== 'string') throw new Unfit('userAPIKey must be a string, null or undefined');
  if (!isText(endpointName)) throw new Unfit('endpointName must be the name of an endpoint that was defined');
  return [key, endpointName, variablesOf(variables)];
}

/** A verdict from the JSON of the native side; nothing for a key that is not valid. */
function verdictOf(json: string): ValidUserAPIKey | undefined {
  const verdict = JSON.parse(json) as Omit<ValidUserAPIKey, 'success'> | { readonly keyValid: false };
  if (!verdict.keyValid) return undefined;
  const { ok, remaining, total, reset, retryAfterMs, keyId, ownerId, roles, role } = verdict;
  return Object.freeze({
    success: true,
    keyValid: true,
    ok,
    remaining,
    total,
    reset,
    retryAfterMs,
    keyId,
    ownerId,
    roles: Object.freeze(roles),
    role,
  });
}
