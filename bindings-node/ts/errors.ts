/** The codes of every {@link GatekeeperError}, the same in every language and over HTTP. */
export type GatekeeperErrorCode =
  | 'bad_request'
  | 'unauthorized'
  | 'plan_limit'
  | 'forbidden'
  | 'not_found'
  | 'method_not_allowed'
  | 'conflict'
  | 'payload_too_large'
  | 'unsupported_media_type'
  | 'rate_limited'
  | 'internal'
  | 'service_unavailable'
  | 'connection_error'
  | 'timeout';

/** What an error may carry besides its message. */
export interface GatekeeperErrorDetails {
  /** Seconds to wait before the call is worth trying again. */
  readonly retryAfter?: number | undefined;
  /** The id of the request, for the logs of a server. */
  readonly requestId?: string | undefined;
  /** More on the failure, by code. */
  readonly details?: Readonly<Record<string, unknown>> | undefined;
  /** What lies underneath; for logs. */
  readonly cause?: unknown;
}

/** {@link GatekeeperErrorDetails}, and the error's place in the table. */
export interface GatekeeperErrorOptions extends GatekeeperErrorDetails {
  /** The HTTP status; 0 where there was no answer. */
  readonly status: number;
  /** The stable code. */
  readonly code?: GatekeeperErrorCode | undefined;
}

/**
 * A call that reached no answer. One class to catch, with a subclass for each code.
 *
 * `instanceof` holds across copies of this package and across realms too: `import` beside `require`, a bundle, the sandbox
 * of a test runner.
 *
 * @example
 * try {
 *   await verifyUserAPIKey(key, 'GET_TASKS');
 * } catch (error) {
 *   if (error instanceof GatekeeperError && error.status === 503) return new Response(null, { status: 503 });
 *   throw error;
 * }
 */
export class GatekeeperError extends Error {
  /** The HTTP status; 0 where there was no answer. */
  readonly status: number;
  /** The stable code to branch on. */
  declare readonly code?: GatekeeperErrorCode;
  /** Seconds to wait before the call is worth trying again. */
  declare readonly retryAfter?: number;
  /** The id of the request, for the logs of a server. */
  declare readonly requestId?: string;
  /** More on the failure, by code. */
  declare readonly details?: Readonly<Record<string, unknown>>;

  /**
   * @param message - what to change, for the caller
   * @param options - the status, and what else is known
   */
  constructor(message: string, options: GatekeeperErrorOptions) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.status = options.status;
    if (options.code !== undefined) this.code = options.code;
    if (options.retryAfter !== undefined) this.retryAfter = options.retryAfter;
    if (options.requestId !== undefined) this.requestId = options.requestId;
    if (options.details !== undefined) this.details = options.details;
  }

  /** Whether `value` is an error of this class, made by this copy of the package or by another. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    if (Function.prototype[Symbol.hasInstance].call(this, value)) return true;
    const mark = marks.get(this);
    return mark !== undefined && typeof value === 'object' && value !== null && mark in value;
  }
}

/** 400: malformed, missing, unknown or out-of-range input. The message names the field. */
export class BadRequestError extends GatekeeperError {
  declare readonly code: 'bad_request';

  constructor(message: string, details: GatekeeperErrorDetails = {}) {
    super(message, { ...details, status: 400, code: 'bad_request' });
  }
}

/** 401: the credential is missing, wrong, expired or revoked. */
export class UnauthorizedError extends GatekeeperError {
  declare readonly code: 'unauthorized';

  constructor(message: string, details: GatekeeperErrorDetails = {}) {
    super(message, { ...details, status: 401, code: 'unauthorized' });
  }
}

/** 402: a quota or an entitlement is reached; see `details.quota`. */
export class PlanLimitError extends GatekeeperError {
  declare readonly code: 'plan_limit';

  constructor(message: string, details: GatekeeperErrorDetails = {}) {
    super(message, { ...details, status: 402, code: 'plan_limit' });
  }
}

/** 403: a known caller in its own tenant, not permitted. */
export class ForbiddenError extends GatekeeperError {
  declare readonly code: 'forbidden';

  constructor(message: string, details: GatekeeperErrorDetails = {}) {
    super(message, { ...details, status: 403, code: 'forbidden' });
  }
}

/** 404: absent, or another tenant's. */
export class NotFoundError extends GatekeeperError {
  declare readonly code: 'not_found';

  constructor(message: string, details: GatekeeperErrorDetails = {}) {
    super(message, { ...details, status: 404, code: 'not_found' });
  }
}

/** 405: the path exists, the method does not. */
export class MethodNotAllowedError extends GatekeeperError {
  declare readonly code: 'method_not_allowed';

  constructor(message: string, details: GatekeeperErrorDetails = {}) {
    super(message, { ...details, status: 405, code: 'method_not_allowed' });
  }
}

/** 409: the state of things forbids it, such as a name already taken. */
export class ConflictError extends GatekeeperError {
  declare readonly code: 'conflict';

  constructor(message: string, details: GatekeeperErrorDetails = {}) {
    super(message, { ...details, status: 409, code: 'conflict' });
  }
}

/** 413: a request body over its bound. */
export class PayloadTooLargeError extends GatekeeperError {
  declare readonly code: 'payload_too_large';

  constructor(message: string, details: GatekeeperErrorDetails = {}) {
    super(message, { ...details, status: 413, code: 'payload_too_large' });
  }
}

/** 415: a request body of a type that is not read here. */
export class UnsupportedMediaTypeError extends GatekeeperError {
  declare readonly code: 'unsupported_media_type';

  constructor(message: string, details: GatekeeperErrorDetails = {}) {
    super(message, { ...details, status: 415, code: 'unsupported_media_type' });
  }
}

/** 429: too many calls; wait `retryAfter` seconds. */
export class RateLimitedError extends GatekeeperError {
  declare readonly code: 'rate_limited';

  constructor(message: string, details: GatekeeperErrorDetails = {}) {
    super(message, { ...details, status: 429, code: 'rate_limited' });
  }
}

/** 500: a defect of ours. */
export class InternalError extends GatekeeperError {
  declare readonly code: 'internal';

  constructor(message: string, details: GatekeeperErrorDetails = {}) {
    super(message, { ...details, status: 500, code: 'internal' });
  }
}

/** 503: the store or the counters cannot be reached. Nothing was allowed. */
export class ServiceUnavailableError extends GatekeeperError {
  declare readonly code: 'service_unavailable';

  constructor(message: string, details: GatekeeperErrorDetails = {}) {
    super(message, { ...details, status: 503, code: 'service_unavailable' });
  }
}

/** Status 0: no connection, so no answer. */
export class ConnectionFailedError extends GatekeeperError {
  declare readonly code: 'connection_error';

  constructor(message: string, details: GatekeeperErrorDetails = {}) {
    super(message, { ...details, status: 0, code: 'connection_error' });
  }
}

/** Status 0: no answer in time. */
export class RequestTimeoutError extends GatekeeperError {
  declare readonly code: 'timeout';

  constructor(message: string, details: GatekeeperErrorDetails = {}) {
    super(message, { ...details, status: 0, code: 'timeout' });
  }
}

/** The class of each code. */
const byCode: Readonly<
  Record<GatekeeperErrorCode, new (message: string, details?: GatekeeperErrorDetails) => GatekeeperError>
> = {
  bad_request: BadRequestError,
  unauthorized: UnauthorizedError,
  plan_limit: PlanLimitError,
  forbidden: ForbiddenError,
  not_found: NotFoundError,
  method_not_allowed: MethodNotAllowedError,
  conflict: ConflictError,
  payload_too_large: PayloadTooLargeError,
  unsupported_media_type: UnsupportedMediaTypeError,
  rate_limited: RateLimitedError,
  internal: InternalError,
  service_unavailable: ServiceUnavailableError,
  connection_error: ConnectionFailedError,
  timeout: RequestTimeoutError,
};

/** Every class under its name, which a minified copy of this package has as well. */
const byName = {
  GatekeeperError,
  BadRequestError,
  UnauthorizedError,
  PlanLimitError,
  ForbiddenError,
  NotFoundError,
  MethodNotAllowedError,
  ConflictError,
  PayloadTooLargeError,
  UnsupportedMediaTypeError,
  RateLimitedError,
  InternalError,
  ServiceUnavailableError,
  ConnectionFailedError,
  RequestTimeoutError,
};

/** What marks the errors of a class in every copy of this package. A class derived elsewhere has no mark. */
const marks = new Map<unknown, symbol>();

for (const [name, constructor] of Object.entries(byName)) {
  const mark = Symbol.for(`gatekeeper-native.${name}`);
  marks.set(constructor, mark);
  Object.defineProperty(constructor.prototype, mark, { value: true });
  Object.defineProperty(constructor.prototype, 'name', { value: name, writable: true, configurable: true });
}

/**
 * The error of a code.
 *
 * @internal
 */
export function errorOf(
  code: string,
  status: number,
  message: string,
  details: GatekeeperErrorDetails = {},
): GatekeeperError {
  if (Object.hasOwn(byCode, code)) return new byCode[code as GatekeeperErrorCode](message, details);
  return new GatekeeperError(message, { ...details, status });
}
