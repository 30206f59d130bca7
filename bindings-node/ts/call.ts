import type { NativeAborter } from '../native/binding.cjs';
import { readable, requestJson } from './arguments.js';
import { binding } from './binding.js';
import { checkTimeout } from './core-options.js';
import { BadRequestError, RequestTimeoutError } from './errors.js';
import { errorFrom, Unfit } from './failure.js';

/** What a single call may be told. */
export interface CallOptions {
  /**
   * Gives the call up: the promise is rejected at once with the signal's reason. A request to a server is broken off; what
   * is under way may still be done.
   */
  readonly signal?: AbortSignal | undefined;
  /**
   * Milliseconds after which the promise is rejected with `RequestTimeoutError`, in the same way. The core's own `timeout`
   * ends a call to a server too, whichever comes first.
   */
  readonly timeout?: number | undefined;
}

export type Fields = Readonly<Record<string, unknown>>;

/** A request as JSON: what was given by position, what was given by name, and what is said where neither says anything. */
export function requestOf(positional: Fields, options: unknown, defaults: Fields): string {
  return fit(() => {
    const named = options === undefined ? {} : fieldsOf('the options', options);
    const twice = Object.keys(named).find((name) => Object.hasOwn(positional, name));
    if (twice !== undefined) throw new Unfit(`${twice} is given twice`);
    const said = Object.entries(named).filter(([, value]) => value !== undefined);
    return requestJson({ ...defaults, ...positional, ...Object.fromEntries(said) });
  });
}

/** Waits for the native side for as long as the caller does; an error is a `GatekeeperError`, or the signal's reason. */
export async function awaited(
  start: (aborter?: NativeAborter) => Promise<string>,
  call: CallOptions | undefined,
): Promise<string> {
  const { signal, timeout } = limitsOf(call);
  if (signal?.aborted) throw reasonOf(signal);
  if (signal === undefined && timeout === undefined) return await begun(start);
  const aborter = new binding.NativeAborter();
  return await new Promise<string>((resolve, reject) => {
    const abort = () => giveUp(reasonOf(signal));
    const late = () => giveUp(new RequestTimeoutError(`no answer within ${timeout} ms`));
    function finish(settle: () => void): void {
      settle();
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
    }
    function giveUp(reason: unknown): void {
      finish(() => reject(reason));
      aborter.abort();
    }
    // Before anything is begun: a signal whose own code throws fails the call.
    fit(() => readable('signal', () => signal?.addEventListener('abort', abort, { once: true })));
    const timer = timeout === undefined ? undefined : setTimeout(late, Math.min(timeout, LONGEST_TIMER));
    begun(start, aborter).then(
      (answer) => finish(() => resolve(answer)),
      (error: unknown) => finish(() => reject(error)),
    );
  });
}

async function begun(
  start: (aborter?: NativeAborter) => Promise<string>,
  aborter?: NativeAborter,
): Promise<string> {
  try {
    return await start(aborter);
  } catch (error) {
    throw errorFrom(error);
  }
}

/** An answer, frozen in depth; nothing where there is none. */
export function answerOf<Answer>(json: string): Answer {
  const answer = JSON.parse(json, (_, value: unknown) => Object.freeze(value)) as Answer | null;
  return (answer === null ? undefined : answer) as Answer;
}

/** What JavaScript's timers can wait: longer ones would fire at once. */
const LONGEST_TIMER = 2 ** 31 - 1;

function limitsOf(call: unknown): CallOptions {
  if (call === undefined) return {};
  const { signal, timeout, ...rest } = fit(() => fieldsOf('call', call));
  const [stray] = Object.keys(rest);
  if (stray !== undefined) {
    throw new BadRequestError(`call: "${stray.toWellFormed()}" is not known here: give signal and timeout`);
  }
  checkTimeout(timeout);
  return { signal: signalOf(signal), timeout: timeout as number | undefined };
}

function signalOf(signal: unknown): AbortSignal | undefined {
  if (signal === undefined) return undefined;
  // It may be a proxy, whose own code may throw.
  if (fit(() => readable('signal', () => isSignal(signal)))) return signal as AbortSignal;
  throw new BadRequestError('signal must be an AbortSignal');
}

/** Whether `value` does what an `AbortSignal` does: one of another realm, or of a polyfill, is of another class. */
function isSignal(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const { aborted, addEventListener, removeEventListener } = value as Partial<AbortSignal>;
  return (
    typeof aborted === 'boolean' &&
    typeof addEventListener === 'function' &&
    typeof removeEventListener === 'function'
  );
}

/** Why a signal was raised: a polyfill may not say. */
function reasonOf(signal: AbortSignal | undefined): unknown {
  return signal?.reason ?? new DOMException('This operation was aborted', 'AbortError');
}

function fieldsOf(what: string, value: unknown): Fields {
  return readable(what, () => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw new Unfit(`${what} must be an object`);
    }
    return { ...value };
  });
}

function fit<Value>(read: () => Value): Value {
  try {
    return read();
  } catch (error) {
    throw error instanceof Unfit ? new BadRequestError(error.message) : error;
  }
}
