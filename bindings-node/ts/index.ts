/**
 * Verifies API keys and enforces rate limits inside your process. One call tells you whether a key is valid, who owns
 * it, and whether it is still within its limit.
 *
 * @packageDocumentation
 */
export type { CallOptions } from './call.js';
export { GatekeeperCore, isMfaChallenge } from './core.js';
export type { Jwk, JwkSet } from './core.js';
export type { GatekeeperCoreOptions } from './core-options.js';
export type * from './generated/models.js';
export * from './generated/services.js';
export { initKeyManager } from './key-manager.js';
export type { Page } from './page.js';
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
} from './errors.js';
export type { GatekeeperErrorCode, GatekeeperErrorDetails, GatekeeperErrorOptions } from './errors.js';
export type {
  AdmittedUserAPIKey,
  CoreKeyManager,
  CoreKeyManagerOptions,
  CreateUserAPIKeyOptions,
  CreateUserAPIKeyResult,
  DeleteUserAPIKeyResult,
  Endpoint,
  Endpoints,
  ForbiddenUserAPIKey,
  InvalidUserAPIKey,
  KeyManager,
  KeyManagerOptions,
  KeyManagerRejection,
  Limit,
  LimitText,
  ManualKeyManager,
  RateLimitedUserAPIKey,
  RejectionCode,
  RolesChangedResult,
  RotateUserAPIKeyResult,
  ValidUserAPIKey,
  VerifiedKeyFields,
  VerifyUserAPIKeyOptions,
  VerifyUserAPIKeyResult,
} from './types.js';
