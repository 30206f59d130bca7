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

/** The optional properties of an error. */
export interface GatekeeperErrorDetails {
  /** The seconds to wait before a retry can succeed. */
  readonly retryAfter?: number | undefined;
  /** The `X-Request-Id` header of the response, to find the request in the server's log. */
  readonly requestId?: string | undefined;
  /** Further facts, such as the quota that was exceeded. */
  readonly details?: Readonly<Record<string, unknown>> | undefined;
  /** The underlying error, for logs. */
  readonly cause?: unknown;
}

/** The properties of an error: {@link GatekeeperErrorDetails}, its status and its code. */
export interface GatekeeperErrorOptions extends GatekeeperErrorDetails {
  /** The HTTP status; 0 if there was no HTTP response. */
  readonly status: number;
  /** The stable code. */
  readonly code?: GatekeeperErrorCode | undefined;
}

/**
 * A failed call. Every error of this package is of this class or a subclass; there is a subclass for each code.
 *
 * `instanceof` holds across copies of this package and across realms too: `import` beside `require`, a bundle, the
 * sandbox of a test runner.
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
  /** The HTTP status; 0 if there was no HTTP response. */
  readonly status: number;
  /** The stable code to branch on. */
  declare readonly code?: GatekeeperErrorCode;
  /** The seconds to wait before a retry can succeed. */
  declare readonly retryAfter?: number;
  /** The `X-Request-Id` header of the response, to find the request in the server's log. */
  declare readonly requestId?: string;
  /** Further facts, such as the quota that was exceeded. */
  declare readonly details?: Readonly<Record<string, unknown>>;

  /**
   * @param message - what was wrong, and what to do
   * @param options - the status, the code and the optional properties
   */
  constructor(message: string, options: GatekeeperErrorOptions) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.status = options.status;
    if (options.code !== undefined) this.code = options.code;
    if (options.retryAfter !== undefined) this.retryAfter = options.retryAfter;
    if (options.requestId !== undefined) this.requestId = options.requestId;
    if (options.details !== undefined) this.details = options.details;
  }

  /** Whether `value` is an error of this class, of this copy of the package or of another. */
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

/** 402: a quota or an entitlement is exceeded; see `details.quota`. */
export class PlanLimitError extends GatekeeperError {
  declare readonly code: 'plan_limit';

  constructor(message: string, details: GatekeeperErrorDetails = {}) {
    super(message, { ...details, status: 402, code: 'plan_limit' });
  }
}

/** 403: the credential is valid for the tenant, but does not permit the call. */
export class ForbiddenError extends GatekeeperError {
  declare readonly code: 'forbidden';

  constructor(message: string, details: GatekeeperErrorDetails = {}) {
    super(message, { ...details, status: 403, code: 'forbidden' });
  }
}

/** 404: the object does not exist, or belongs to another tenant. The error does not tell which. */
export class NotFoundError extends GatekeeperError {
  declare readonly code: 'not_found';

  constructor(message: string, details: GatekeeperErrorDetails = {}) {
    super(message, { ...details, status: 404, code: 'not_found' });
  }
}

/** 405: the path does not support the HTTP method. */
export class MethodNotAllowedError extends GatekeeperError {
  declare readonly code: 'method_not_allowed';

  constructor(message: string, details: GatekeeperErrorDetails = {}) {
    super(message, { ...details, status: 405, code: 'method_not_allowed' });
  }
}

/** 409: the call conflicts with the current state, such as an e-mail address that is already registered. */
export class ConflictError extends GatekeeperError {
  declare readonly code: 'conflict';

  constructor(message: string, details: GatekeeperErrorDetails = {}) {
    super(message, { ...details, status: 409, code: 'conflict' });
  }
}

/** 413: the request body is too large. */
export class PayloadTooLargeError extends GatekeeperError {
  declare readonly code: 'payload_too_large';

  constructor(message: string, details: GatekeeperErrorDetails = {}) {
    super(message, { ...details, status: 413, code: 'payload_too_large' });
  }
}

/** 415: the request body is of a media type that the server does not read. */
export class UnsupportedMediaTypeError extends GatekeeperError {
  declare readonly code: 'unsupported_media_type';

  constructor(message: string, details: GatekeeperErrorDetails = {}) {
    super(message, { ...details, status: 415, code: 'unsupported_media_type' });
  }
}

/** 429: too many requests; retry after `retryAfter` seconds. */
export class RateLimitedError extends GatekeeperError {
  declare readonly code: 'rate_limited';

  constructor(message: string, details: GatekeeperErrorDetails = {}) {
    super(message, { ...details, status: 429, code: 'rate_limited' });
  }
}

/** 500: a bug in Gatekeeper; please report it. */
export class InternalError extends GatekeeperError {
  declare readonly code: 'internal';

  constructor(message: string, details: GatekeeperErrorDetails = {}) {
    super(message, { ...details, status: 500, code: 'internal' });
  }
}

/** 503: the database or the counters cannot be used. The call was not allowed. */
export class ServiceUnavailableError extends GatekeeperError {
  declare readonly code: 'service_unavailable';

  constructor(message: string, details: GatekeeperErrorDetails = {}) {
    super(message, { ...details, status: 503, code: 'service_unavailable' });
  }
}

/** Status 0: there was no HTTP response because the server could not be reached. */
export class ConnectionFailedError extends GatekeeperError {
  declare readonly code: 'connection_error';

  constructor(message: string, details: GatekeeperErrorDetails = {}) {
    super(message, { ...details, status: 0, code: 'connection_error' });
  }
}

/** Status 0: there was no HTTP response within the timeout. */
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

/** Every class by name. The names are string keys, so a minified copy of this package has them too. */
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

/** The symbol that marks the errors of a class, the same in every copy of this package. Users' subclasses have none. */
const marks = new Map<unknown, symbol>();

for (const [name, constructor] of Object.entries(byName)) {
  const mark = Symbol.for(`gatekeeper-native.${name}`);
  marks.set(constructor, mark);
  Object.defineProperty(constructor.prototype, mark, { value: true });
  Object.defineProperty(constructor.prototype, 'name', { value: name, writable: true, configurable: true });
}

/**
 * The error for a code.
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
