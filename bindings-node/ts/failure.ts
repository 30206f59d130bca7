import type { NativeKeyManager } from '../native/binding.cjs';
import { errorOf, InternalError, type GatekeeperError } from './errors.js';
import type { KeyManagerRejection, RejectionCode } from './types.js';

/** An argument that is rejected before the core sees it; the message says why. */
export class Unfit extends Error {}

/** What the native side says of a failure, as JSON in the message of its error. */
interface Payload {
  readonly gatekeeper: 1;
  readonly code: string;
  readonly status: number;
  readonly message: string;
  readonly retryAfter: number | null;
  readonly requestId: string | null;
  readonly details: Readonly<Record<string, unknown>> | null;
  /** The error of the result, where the failure is an answer. */
  readonly keyManager: RejectionCode | null;
  readonly cause: string | null;
}

/**
 * The result that an error stands for; throws a `GatekeeperError` where it stands for none. Whatever the arguments are,
 * a root key that is wrong is said first.
 */
export function rejectionNow<Code extends RejectionCode>(
  native: NativeKeyManager,
  thrown: unknown,
): KeyManagerRejection<Code> {
  if (!(thrown instanceof Unfit)) return rejectionOf(thrown);
  try {
    native.checkCredentialSync();
  } catch (error) {
    return rejectionOf(error);
  }
  return rejection('invalidBody', thrown.message);
}

/** {@link rejectionNow} without waiting for the disk on this thread. */
export async function rejectionLater<Code extends RejectionCode>(
  native: NativeKeyManager,
  thrown: unknown,
): Promise<KeyManagerRejection<Code>> {
  if (!(thrown instanceof Unfit)) return rejectionOf(thrown);
  try {
    await native.checkCredential();
  } catch (error) {
    return rejectionOf(error);
  }
  return rejection('invalidBody', thrown.message);
}

/** The `GatekeeperError` that a native error stands for. */
export function errorFrom(thrown: unknown): GatekeeperError {
  const payload = payloadOf(thrown);
  if (payload === undefined) return new InternalError('internal error: please report it', { cause: thrown });
  return errorOf(payload.code, payload.status, payload.message, {
    retryAfter: payload.retryAfter ?? undefined,
    requestId: payload.requestId ?? undefined,
    details: payload.details === null ? undefined : Object.freeze(payload.details),
    cause: payload.cause === null ? undefined : new Error(payload.cause),
  });
}

function rejectionOf<Code extends RejectionCode>(thrown: unknown): KeyManagerRejection<Code> {
  const payload = payloadOf(thrown);
  if (payload?.keyManager) return rejection(payload.keyManager, payload.message);
  throw errorFrom(thrown);
}

/** Which codes a call can answer is the core's to say; the types of the façade repeat it. */
function rejection<Code extends RejectionCode>(
  error: RejectionCode,
  reason: string,
): KeyManagerRejection<Code> {
  return Object.freeze({ success: false, error: error as Code, reason });
}

/** Reads the message alone: the native side makes its errors in the main realm, and this module may run in another one. */
function payloadOf(thrown: unknown): Payload | undefined {
  try {
    const payload: unknown = JSON.parse((thrown as { readonly message: string }).message);
    return typeof payload === 'object' && payload !== null && 'gatekeeper' in payload
      ? (payload as Payload)
      : undefined;
  } catch {
    return undefined;
  }
}
