//! What a call can be rejected with: the statuses of the error table, and which of them which call can give.

use gatekeeper::{Access, ErrorKind, Method, OperationDescriptor};
use serde_json::{Value, json};

/// An answer that is shared by many calls.
pub(crate) struct Response {
    pub(crate) name: &'static str,
    pub(crate) kind: ErrorKind,
    pub(crate) documentation: &'static str,
}

/// One way in which a call fails.
#[derive(Clone)]
pub(crate) struct Rejection {
    pub(crate) status: u16,
    /// The name of a [`Response`], or of the key manager's.
    pub(crate) response: &'static str,
    pub(crate) documentation: String,
}

/// Every shared answer.
pub(crate) const RESPONSES: &[Response] = &[
    Response {
        name: "BadRequest",
        kind: ErrorKind::BadRequest,
        documentation: "The request is malformed, or a field is missing, unknown, given twice or out of its bounds; \
                        `error` names it and says what to change.",
    },
    Response {
        name: "Unauthorized",
        kind: ErrorKind::CredentialInvalid,
        documentation: "The credential is missing, wrong, expired or revoked: never said which.",
    },
    Response {
        name: "PlanLimit",
        kind: ErrorKind::PlanLimit,
        documentation: "A quota has no room for this; `details.quota` says which. Nothing was recorded.",
    },
    Response {
        name: "Forbidden",
        kind: ErrorKind::Forbidden,
        documentation: "The caller is known and may not do this.",
    },
    Response {
        name: "NotFound",
        kind: ErrorKind::NotFound,
        documentation: "It does not exist, or belongs to another tenant: never said which.",
    },
    Response {
        name: "Conflict",
        kind: ErrorKind::Conflict,
        documentation: "The state of things forbids it; `error` says how.",
    },
    Response {
        name: "PayloadTooLarge",
        kind: ErrorKind::PayloadTooLarge,
        documentation: "The body is longer than 1 MiB.",
    },
    Response {
        name: "UnsupportedMediaType",
        kind: ErrorKind::UnsupportedMediaType,
        documentation: "The body is not declared as `application/json`.",
    },
    Response {
        name: "RateLimited",
        kind: ErrorKind::RateLimited,
        documentation: "Too many calls of this kind from this source, or too many credentials that were not good: wait \
                        for `Retry-After`.",
    },
    Response {
        name: "Internal",
        kind: ErrorKind::Internal,
        documentation: "A defect of the server. Nothing of its inside is told; report it with the `requestId`.",
    },
    Response {
        name: "Unavailable",
        kind: ErrorKind::Unavailable,
        documentation: "The store or the counters are out of reach, or too much is asked at once. Nothing was allowed.",
    },
];

/// Which calls meet a state of things that forbids them.
const CONFLICTS: &[(&str, &str)] = &[
    ("auth.signup", "The e-mail address has an account already."),
    ("tenants.remove", "It is the tenant `default`."),
    ("tenants.addMember", "The user is a member already."),
    ("tenants.updateMember", "The member is the last owner."),
    ("tenants.removeMember", "The member is the last owner."),
    ("keys.update", "The key is revoked."),
    ("keys.rotate", "The key is revoked."),
    ("keys.import", "A digest is given twice or is a key's already, or there would be more than 8 suffixes."),
    ("usage.record", "The idempotency key was used with another request."),
    ("usage.checkAndRecord", "The idempotency key was used with another request."),
];

/// Calls of anybody that judge a credential in the request.
const JUDGES: &[&str] = &["auth.login", "auth.refresh", "keys.validate", "keys.token"];
/// A call of anybody that can ask for more than the key has.
const ISSUES: &str = "keys.token";
/// What those are told who may not sign up.
const CLOSED: &str = "Sign-up is closed on this server, and with it the creation of tenants by users.";
/// The call that holds to a quota.
const HELD: &str = "usage.checkAndRecord";

/// What `descriptor` can be rejected with, by status.
pub(super) fn of(descriptor: &OperationDescriptor) -> Vec<Rejection> {
    if descriptor.access == Access::KeyManager {
        return of_the_key_manager();
    }
    let is_public = descriptor.access == Access::Public;
    let has_body = matches!(descriptor.route.method, Method::Post | Method::Patch | Method::Put);
    let is_bound = matches!(descriptor.access, Access::Tenant(_)) || descriptor.route.path.contains('{');
    let conflict = CONFLICTS.iter().find(|(name, _)| *name == descriptor.name).map(|(_, when)| *when);
    let given: [(u16, bool); 8] = [
        (401, !is_public || JUDGES.contains(&descriptor.name)),
        (402, descriptor.name == HELD),
        (403, !is_public || descriptor.name == ISSUES || descriptor.signs_up),
        (404, is_bound),
        (409, conflict.is_some()),
        (415, has_body),
        // Whoever knows a credential is asked for one, and counted when it is not good.
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

/// The shared answer of this status.
pub(super) fn shared(status: u16) -> Option<Rejection> {
    let response = RESPONSES.iter().find(|response| response.kind.status() == status)?;
    Some(Rejection { status, response: response.name, documentation: response.documentation.to_owned() })
}

fn of_the_key_manager() -> Vec<Rejection> {
    let own = [
        (
            400,
            "KeyManagerBadRequest",
            "`invalidBody`: a field is missing, unknown or out of its bounds. `invalidId`: the id is none, or names no key of the tenant.",
        ),
        (
            401,
            "KeyManagerUnauthorized",
            "`authorizationHeaderNotPresent`, `apiTokenNotPresent` (an empty one) or `invalidAPIToken`. Said before a word on the body.",
        ),
    ];
    let own = own.map(|(status, response, documentation)| Rejection {
        status,
        response,
        documentation: documentation.to_owned(),
    });
    own.into_iter().chain([413, 500, 503].into_iter().filter_map(shared)).collect()
}

/// An example of what is answered: `details` where there are any.
pub(crate) fn example(response: &Response) -> Value {
    let message = match response.kind {
        ErrorKind::BadRequest => "tenantId is missing",
        ErrorKind::CredentialInvalid => "the credential is not valid",
        ErrorKind::PlanLimit => "the quota of the tenant is reached",
        ErrorKind::Forbidden => "this call needs the permission keys:write",
        ErrorKind::NotFound => "not found, or not yours",
        ErrorKind::Conflict => "email: an account with this address exists: log in instead",
        ErrorKind::PayloadTooLarge => "the body must be whole, and at most 1 MiB",
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
