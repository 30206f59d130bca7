// One implementation serves both module systems, so that its classes are the same ones in both.
export {
  BadRequestError,
  ConflictError,
  ConnectionFailedError,
  ForbiddenError,
  GatekeeperError,
  InternalError,
  MethodNotAllowedError,
  NotFoundError,
  PayloadTooLargeError,
  PlanLimitError,
  RateLimitedError,
  RequestTimeoutError,
  ServiceUnavailableError,
  UnauthorizedError,
  UnsupportedMediaTypeError,
  initKeyManager,
} from './index.js';
export type * from './index.js';
