// One implementation serves both module systems, so that its classes are the same ones in both.
export {
  BadRequestError,
  ConflictError,
  ConnectionFailedError,
  ForbiddenError,
  GatekeeperCore,
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
  isMfaChallenge,
} from './index.js';
export * from './generated/names.mjs';
export type * from './index.js';
