import type { NativeKeyManager } from '../native/binding.cjs';
import { BadRequestError, errorOf, InternalError, type GatekeeperError } from './errors.js';
import type { KeyManagerRejection, RejectionCode } from './types.js';

/** An argument that the façade rejects before it calls the core. The message names the field. */
export class InvalidArgument extends Error {}

/** The result of `read`, which throws a `BadRequestError` instead of an `InvalidArgument`. */
export function asBadRequest<Value>(read: () => Value): Value {
  try {
    return read();
  } catch (error) {
    throw error instanceof InvalidArgument ? new BadRequestError(error.message) : error;
  }
}

/** An error of the native side, as JSON in the message of a native `Error`. */
interface Payload {
  readonly gatekeeper: 1;
  readonly code: string;
  readonly status: number;
  readonly message: string;
  readonly retryAfter: number | null;
  readonly requestId: string | null;
  readonly details: Readonly<Record<string, unknown>> | null;
  /** The `error` of the result, if the key manager returns this error as a result. */
  readonly keyManager: RejectionCode | null;
  readonly cause: string | null;
}

/**
 * The result for an error that the key manager returns as a result. Throws a `GatekeeperError` for any other error. An
 * invalid root key is reported before an invalid argument.
 */
export function rejectionSync<Code extends RejectionCode>(
  native: NativeKeyManager,
  thrown: unknown,
): KeyManagerRejection<Code> {
  if (!(thrown instanceof InvalidArgument)) return rejectionOf(thrown);
  try {
    native.checkCredentialSync();
  } catch (error) {
    return rejectionOf(error);
  }
  return rejection('invalidBody', thrown.message);
}

/** {@link rejectionSync} without I/O on this thread. */
export async function rejectionAsync<Code extends RejectionCode>(
  native: NativeKeyManager,
  thrown: unknown,
): Promise<KeyManagerRejection<Code>> {
  if (!(thrown instanceof InvalidArgument)) return rejectionOf(thrown);
  try {
    await native.checkCredential();
  } catch (error) {
    return rejectionOf(error);
  }
  return rejection('invalidBody', thrown.message);
}

/** The `GatekeeperError` for an error of the native side. */
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

/** The result of a call of the native side. Its errors become `GatekeeperError`s. */
export function callNative<Value>(call: () => Value): Value {
  try {
    return call();
  } catch (error) {
    throw errorFrom(error);
  }
}

function rejectionOf<Code extends RejectionCode>(thrown: unknown): KeyManagerRejection<Code> {
  const payload = payloadOf(thrown);
  if (payload?.keyManager) return rejection(payload.keyManager, payload.message);
  throw errorFrom(thrown);
}

/** The core decides which codes a call can return; the types here repeat that. */
function rejection<Code extends RejectionCode>(
  error: RejectionCode,
  reason: string,
): KeyManagerRejection<Code> {
  return Object.freeze({ success: false, error: error as Code, reason });
}

/** Reads only the message: the native side makes its errors in the main realm, and this module may run in another. */
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
