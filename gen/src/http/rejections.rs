//! The errors of a call: the statuses of the error table, and which calls can return them.

use gatekeeper::ErrorKind;
use gatekeeper::internal::{Access, Method, OperationDescriptor};
use serde_json::{Value, json};

/// An error response that many calls share.
pub(crate) struct Response {
    pub(crate) name: &'static str,
    pub(crate) kind: ErrorKind,
    pub(crate) documentation: &'static str,
}

/// One of the errors of a call.
#[derive(Clone)]
pub(crate) struct Rejection {
    pub(crate) status: u16,
    /// The name of a [`Response`], or of a response of the key manager.
    pub(crate) response: &'static str,
    pub(crate) documentation: String,
}

/// All shared error responses.
pub(crate) const RESPONSES: &[Response] = &[
    Response {
        name: "BadRequest",
        kind: ErrorKind::BadRequest,
        documentation: "The request is malformed, or a field is missing, unknown, given twice or out of range; \
                        `error` names the field and says what is allowed.",
    },
    Response {
        name: "Unauthorized",
        kind: ErrorKind::CredentialInvalid,
        documentation: "The credential is missing, wrong, expired or revoked. The response does not say which.",
    },
    Response {
        name: "PlanLimit",
        kind: ErrorKind::PlanLimit,
        documentation: "A quota is exceeded; `details.quota` says which. Nothing was recorded.",
    },
    Response {
        name: "Forbidden",
        kind: ErrorKind::Forbidden,
        documentation: "The caller is authenticated but lacks the permission.",
    },
    Response {
        name: "NotFound",
        kind: ErrorKind::NotFound,
        documentation: "The resource does not exist or belongs to another tenant. The response does not say which.",
    },
    Response {
        name: "Conflict",
        kind: ErrorKind::Conflict,
        documentation: "The request conflicts with the current state; `error` says how.",
    },
    Response {
        name: "PayloadTooLarge",
        kind: ErrorKind::PayloadTooLarge,
        documentation: "The body is longer than 1 MiB.",
    },
    Response {
        name: "UnsupportedMediaType",
        kind: ErrorKind::UnsupportedMediaType,
        documentation: "The content type of the body is not `application/json`.",
    },
    Response {
        name: "RateLimited",
        kind: ErrorKind::RateLimited,
        documentation: "Too many requests of this kind, or too many invalid credentials, from this client address: wait \
                        for `Retry-After`.",
    },
    Response {
        name: "Internal",
        kind: ErrorKind::Internal,
        documentation: "An internal error. The response contains no details; report it with the `requestId`.",
    },
    Response {
        name: "Unavailable",
        kind: ErrorKind::Unavailable,
        documentation: "The database or the counters cannot be reached, or there are too many concurrent requests. Nothing was allowed.",
    },
];

/// The calls that can return 409, and when.
const CONFLICTS: &[(&str, &str)] = &[
    ("auth.signup", "An account with this e-mail address exists."),
    ("tenants.remove", "The tenant `default` cannot be removed."),
    ("tenants.addMember", "The user is already a member."),
    ("tenants.updateMember", "The member is the last owner."),
    ("tenants.removeMember", "The member is the last owner."),
    ("keys.update", "The key is revoked."),
    ("keys.rotate", "The key is revoked."),
    ("keys.import", "A digest is duplicated or already exists, or there would be more than 8 suffixes."),
    ("usage.record", "The idempotency key was used with a different request."),
    ("usage.checkAndRecord", "The idempotency key was used with a different request."),
];

/// Public calls that authenticate a credential in the request.
const AUTHENTICATES: &[&str] = &["auth.login", "auth.refresh", "keys.validate", "keys.token"];
/// A public call that can request more scopes than the key has.
const ISSUES_TOKEN: &str = "keys.token";
/// The documentation of 403 for calls that need sign-up to be open.
const CLOSED: &str = "Sign-up is closed on this server, and so is the creation of tenants by users.";
/// The call that enforces a quota.
const ENFORCES_QUOTA: &str = "usage.checkAndRecord";

/// The errors of an operation, by status.
pub(super) fn of(descriptor: &OperationDescriptor) -> Vec<Rejection> {
    if descriptor.access == Access::KeyManager {
        return for_key_manager();
    }
    let is_public = descriptor.access == Access::Public;
    let has_body = matches!(descriptor.route.method, Method::Post | Method::Patch | Method::Put);
    let is_bound = matches!(descriptor.access, Access::Tenant(_)) || descriptor.route.path.contains('{');
    let conflict = CONFLICTS.iter().find(|(name, _)| *name == descriptor.name).map(|(_, when)| *when);
    let given: [(u16, bool); 8] = [
        (401, !is_public || AUTHENTICATES.contains(&descriptor.name)),
        (402, descriptor.name == ENFORCES_QUOTA),
        (403, !is_public || descriptor.name == ISSUES_TOKEN || descriptor.signs_up),
        (404, is_bound),
        (409, conflict.is_some()),
        (415, has_body),
        // Every call can be throttled: invalid credentials are counted, also on public calls.
        (429, true),
        (413, true),
    ];
    let mut statuses: Vec<u16> =
        given.into_iter().filter(|(_, can)| *can).map(|(status, _)| status).chain([400, 500, 503]).collect();
    statuses.sort_unstable();
    let rejections = statuses.into_iter().filter_map(shared).map(|rejection| match conflict {
        Some(when) if rejection.status == 409 => Rejection { documentation: when.to_owned(), ..rejection },
        _ if rejection.status == 403 && descriptor.signs_up => {
            Rejection { documentation: CLOSED.to_owned(), ..rejection }
        }
        _ => rejection,
    });
    rejections.collect()
}

/// The shared error response with this status.
pub(super) fn shared(status: u16) -> Option<Rejection> {
    let response = RESPONSES.iter().find(|response| response.kind.status() == status)?;
    Some(Rejection { status, response: response.name, documentation: response.documentation.to_owned() })
}

fn for_key_manager() -> Vec<Rejection> {
    let own = [
        (
            400,
            "KeyManagerBadRequest",
            "`invalidBody`: a field is missing, unknown or out of range. `invalidId`: the id is malformed, or no key of the tenant has it.",
        ),
        (
            401,
            "KeyManagerUnauthorized",
            "`authorizationHeaderNotPresent`, `apiTokenNotPresent` (an empty root key) or `invalidAPIToken`. Takes precedence over errors of the body.",
        ),
    ];
    let own = own.map(|(status, response, documentation)| Rejection {
        status,
        response,
        documentation: documentation.to_owned(),
    });
    own.into_iter().chain([413, 500, 503].into_iter().filter_map(shared)).collect()
}

/// An example of an error response, with `details` if it has any.
pub(crate) fn example(response: &Response) -> Value {
    let message = match response.kind {
        ErrorKind::BadRequest => "tenantId is missing",
        ErrorKind::CredentialInvalid => "the credential is not valid",
        ErrorKind::PlanLimit => "the quota of the tenant is reached",
        ErrorKind::Forbidden => "this call needs the permission keys:write",
        ErrorKind::NotFound => "not found, or not yours",
        ErrorKind::Conflict => "email: an account with this address exists: log in instead",
        ErrorKind::PayloadTooLarge => "the body must be complete and at most 1 MiB",
        ErrorKind::UnsupportedMediaType => {
            "the body must be JSON, with the header Content-Type: application/json"
        }
        ErrorKind::RateLimited => "too many requests from this client address: wait and try again",
        ErrorKind::Internal => "internal error: please report it",
        _ => "the counters cannot be reached",
    };
    let mut example = json!({
        "ok": false, "error": message, "code": response.kind.code(), "requestId": "req_01jdx0x3v0f7zsn8f4k3m9qz5r",
    });
    let details = match response.kind {
        ErrorKind::RateLimited => {
            json!({ "rateLimit": { "name": "signup", "total": 20, "windowSeconds": 60 } })
        }
        ErrorKind::PlanLimit => json!({ "quota": {
            "allowed": false, "level": "tenant", "limit": 1000, "used": 1000, "remaining": 0, "period": "month",
            "resetAt": 1_769_904_000_000_i64,
        } }),
        _ => return example,
    };
    example["details"] = details;
    example
}
