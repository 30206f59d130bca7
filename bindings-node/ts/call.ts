import type { NativeAborter } from '../native/binding.cjs';
import { readable, requestJson } from './arguments.js';
import { binding } from './binding.js';
import { checkTimeout } from './core-options.js';
import { BadRequestError, RequestTimeoutError } from './errors.js';
import { asBadRequest, errorFrom, InvalidArgument } from './failure.js';

/** The options of a single call. */
export interface CallOptions {
  /**
   * Aborts the call: the promise rejects at once with the signal's reason. A request to a server is cancelled; an
   * operation that has started may still be carried out.
   */
  readonly signal?: AbortSignal | undefined;
  /**
   * The milliseconds after which the call is aborted and the promise rejects with `RequestTimeoutError`. For a call to
   * a server, the core's `timeout` applies too; the shorter one wins.
   */
  readonly timeout?: number | undefined;
}

export type Fields = Readonly<Record<string, unknown>>;

/** A request as JSON: the positional arguments and the options, and defaults for fields that neither has. */
export function requestOf(positional: Fields, options: unknown, defaults: Fields): string {
  return asBadRequest(() => {
    const named = options === undefined ? {} : fieldsOf('the options', options);
    const twice = Object.keys(named).find((name) => Object.hasOwn(positional, name));
    if (twice !== undefined) throw new InvalidArgument(`${twice} is given twice: give it once`);
    const given = Object.entries(named).filter(([, value]) => value !== undefined);
    return requestJson({ ...defaults, ...positional, ...Object.fromEntries(given) });
  });
}

/**
 * The output of a native call, with the caller's signal and timeout. Rejects with a `GatekeeperError`, or with the
 * signal's reason.
 */
export async function runNative(
  start: (aborter?: NativeAborter) => Promise<string>,
  call: CallOptions | undefined,
): Promise<string> {
  const { signal, timeout } = limitsOf(call);
  if (signal?.aborted) throw reasonOf(signal);
  if (signal === undefined && timeout === undefined) return await started(start);
  const aborter = new binding.NativeAborter();
  return await new Promise<string>((resolve, reject) => {
    const onAbort = () => abort(reasonOf(signal));
    const onTimeout = () => abort(new RequestTimeoutError(`no answer within ${timeout} ms`));
    function finish(settle: () => void): void {
      settle();
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
    }
    function abort(reason: unknown): void {
      finish(() => reject(reason));
      aborter.abort();
    }
    // Before the call starts: if the signal's own code throws, the call fails.
    asBadRequest(() => readable('signal', () => signal?.addEventListener('abort', onAbort, { once: true })));
    const timer = timeout === undefined ? undefined : setTimeout(onTimeout, Math.min(timeout, MAX_TIMER));
    started(start, aborter).then(
      (answer) => finish(() => resolve(answer)),
      (error: unknown) => finish(() => reject(error)),
    );
  });
}

async function started(
  start: (aborter?: NativeAborter) => Promise<string>,
  aborter?: NativeAborter,
): Promise<string> {
  try {
    return await start(aborter);
  } catch (error) {
    throw errorFrom(error);
  }
}

/** The output of an operation, deeply frozen; `undefined` for an operation without output. */
export function outputOf<Output>(json: string): Output {
  const output = JSON.parse(json, (_, value: unknown) => Object.freeze(value)) as Output | null;
  return (output === null ? undefined : output) as Output;
}

/** The longest delay of a JavaScript timer. A longer one would fire at once. */
const MAX_TIMER = 2 ** 31 - 1;

function limitsOf(call: unknown): CallOptions {
  if (call === undefined) return {};
  const { signal, timeout, ...rest } = asBadRequest(() => fieldsOf('call', call));
  const [unknown] = Object.keys(rest);
  if (unknown !== undefined) {
    throw new BadRequestError(`call: "${unknown.toWellFormed()}" is not an option: give signal or timeout`);
  }
  checkTimeout(timeout);
  return { signal: signalOf(signal), timeout: timeout as number | undefined };
}

function signalOf(signal: unknown): AbortSignal | undefined {
  if (signal === undefined) return undefined;
  // The signal may be a proxy, whose code may throw.
  if (asBadRequest(() => readable('signal', () => isSignal(signal)))) return signal as AbortSignal;
  throw new BadRequestError('signal must be an AbortSignal');
}

/**
 * Whether `value` has the methods of an `AbortSignal`. A signal of another realm or of a polyfill has another class.
 */
function isSignal(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const { aborted, addEventListener, removeEventListener } = value as Partial<AbortSignal>;
  return (
    typeof aborted === 'boolean' &&
    typeof addEventListener === 'function' &&
    typeof removeEventListener === 'function'
  );
}

/** The reason of an aborted signal. A polyfill may not have one. */
function reasonOf(signal: AbortSignal | undefined): unknown {
  return signal?.reason ?? new DOMException('This operation was aborted', 'AbortError');
}

function fieldsOf(what: string, value: unknown): Fields {
  return readable(what, () => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw new InvalidArgument(`${what} must be an object`);
    }
    return { ...value };
  });
}
