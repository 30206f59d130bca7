// Re-exports the CommonJS build, so that both module systems have the same classes.
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
