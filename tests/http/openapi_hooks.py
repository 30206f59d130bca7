"""Hooks for schemathesis: credentials, ids that exist, and constraints that JSON schema cannot express."""

from __future__ import annotations

import itertools
import json
import os
import re
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

import schemathesis
from openapi_world import ask

if TYPE_CHECKING:
    from schemathesis import AuthContext, Case, Response
    from schemathesis.core.failures import Failure
    from schemathesis.hooks import HookContext

WORLD: dict[str, Any] = json.loads(os.environ["GATEKEEPER_WORLD"])
URL = WORLD["url"]
CALLS: Counter[str] = Counter()
NUMBERS = itertools.count(1)
LOGGED_IN: list[tuple[float, str]] = []

# Errors of requests that match their schema: the syntax of an address, sums over several fields, bounds in bytes, and
# facts that only the server knows.
BEYOND_SCHEMA = re.compile(
    r"email has no (usable|@)|email is too long"
    r"|\w+ is one of the most common passwords"
    r"|\w+ must be 8 to 128 characters, not"  # after NFC
    r"|cursor must be an unmodified nextCursor of this list"
    r"|\w+ must (not be longer than|be 1 to) \d+ bytes"
    r"|metadata must not (be longer than 8 KiB|contain U\+0000)|metadata\S* must be a whole number from -"
    r"|variables: at most 8 KiB"
    r"|roles: a (key has at most|role's name must not be longer)|scopes: (each must be 1 to 128 bytes|at most)"
    r"|(ratelimits|definition).* must not be longer than 128 bytes"
    r"|clientAddress must be an IP address|definition\S* must be a text such as"
    r"|idempotencyKey and the header Idempotency-Key differ"
    r"|tenants is missing: you are a member of several tenants"
    r"|tenantId is missing: only the operator may omit it"
    r"|\w+ must not be both a field and in metadata"
    r"|endpoint\b|cost\b"
)
# Calls that invalidate the caller's credential: never made with the credential that other calls share.
ENDINGS = ("auth.logout", "auth.logoutAll", "auth.changePassword")


if "GATEKEEPER_ANONYMOUS" not in os.environ:

    @schemathesis.auth(refresh_interval=600)
    class Credentials:
        """The credential that a call needs: a root key, the owner's token, or sometimes an API key with all scopes."""

        def get(self, case: Case[Any], context: AuthContext) -> str:
            """The owner's access token."""
            del case, context
            return owner()

        def set(self, case: Case[Any], data: str, context: AuthContext) -> None:
            """Set the credential in the headers."""
            del context
            schemes = {name for each in case.operation.definition.raw.get("security", []) for name in each}
            if "rootKey" in schemes:
                case.headers["Authorization"] = f"Bearer {WORLD['rootKey']}"
            elif "an API key by its scopes" in case.operation.definition.raw["description"] and next(NUMBERS) % 3 == 0:
                case.headers["Authorization"] = f"Bearer {WORLD['key']}"
            elif schemes:
                case.headers["Authorization"] = f"Bearer {data}"


@schemathesis.hook
def before_call(context: HookContext, case: Case[Any], kwargs: dict[str, Any]) -> None:
    """Give every call a new client address, and every second valid request ids that exist."""
    del kwargs
    case.headers["X-Forwarded-For"] = client_address()
    operation = str((context.operation or case.operation).definition.raw.get("operationId"))
    if operation in ENDINGS and is_owner(case):
        case.headers["Authorization"] = f"Bearer {newcomer()['accessToken']}"
    is_positive = case.meta is not None and case.meta.generation.mode.is_positive
    CALLS[operation] += is_positive
    if (is_positive and CALLS[operation] % 2) or would_break_other_calls(case, operation):
        fill(case, operation)


@schemathesis.hook
def filter_failure(context: HookContext, failure: Failure, case: Case[Any], response: Response) -> bool:
    """Ignore rejections that the document cannot express, and no other failure."""
    del context, case
    # A request is validated before its credential, so one without a credential is rejected in the same way.
    kinds = ("RejectedPositiveData", "MissingHeaderNotRejected")
    if type(failure).__name__ not in kinds or response.status_code != 400:
        return True
    answer = response.json()
    if answer.get("error") == "invalidId":
        return False
    rejection = re.sub(r"^keys\[\d+\]: ", "", answer.get("reason", answer["error"]))
    return not BEYOND_SCHEMA.match(rejection)


def would_break_other_calls(case: Case[Any], operation: str) -> bool:
    """Whether a call would remove what other calls need: schemathesis reuses ids from responses."""
    path = case.path_parameters
    ends: dict[str, bool] = {
        "tenants.remove": path.get("tenantId") == WORLD["tenantId"],
        "tenants.updateMember": path.get("userId") == WORLD["ownerId"],
        "tenants.removeMember": path.get("userId") in (WORLD["ownerId"], WORLD["memberId"]),
        "keys.revoke": path.get("id") == WORLD["keyId"],
        "keys.update": path.get("id") == WORLD["keyId"],
        "keys.rotate": path.get("id") == WORLD["keyId"],
    }
    return ends.get(operation, False)


def fill(case: Case[Any], operation: str) -> None:
    """Fill a request with ids that exist; with new ones if the call removes what they name."""
    known = {
        "tenantId": WORLD["tenantId"],
        "userId": WORLD["memberId"],
        "apiKeyId": WORLD["keyId"],
        "id": WORLD["keyId"],
        "endpoint": "GET_TASKS",
        "cost": 1,
        "key": WORLD["key"],
        "apikey": WORLD["userKey"],
        "currentPassword": WORLD["password"],
    }
    members = f"{URL}/v1/tenants/{WORLD['tenantId']}/members"
    match operation:
        case "tenants.remove":
            known["tenantId"] = ask(f"{URL}/v1/tenants", {"name": "Short"}, owner())["id"]
        case "tenants.addMember":
            known["userId"] = newcomer()["user"]["id"]
        case "tenants.removeMember":
            known["userId"] = newcomer()["user"]["id"]
            ask(members, {"userId": known["userId"]}, owner())
        case "keys.revoke" | "keys.update" | "keys.rotate":
            known["id"] = ask(f"{URL}/v1/keys", {"tenantId": WORLD["tenantId"]}, owner())["apiKey"]["id"]
        case "auth.refresh":
            known["refreshToken"] = newcomer()["refreshToken"]
        case "auth.revokeSession" if is_owner(case):
            tokens = newcomer()
            case.headers["Authorization"] = f"Bearer {tokens['accessToken']}"
            known["sessionId"] = ask(f"{URL}/v1/auth/sessions", None, tokens["accessToken"])["items"][0]["id"]
        case _ if operation.startswith("keyManager."):
            known["id"] = ask(f"{URL}/api/v1/keys", {"prefix": "user", "roles": ["PRO"]}, WORLD["rootKey"])["id"]

    def filled(fields: dict[str, Any]) -> dict[str, Any]:
        return {name: known.get(name, value) for name, value in fields.items()}

    case.path_parameters, case.query = filled(case.path_parameters), filled(case.query)
    if isinstance(case.body, dict):
        case.body = filled(case.body)


def is_owner(case: Case[Any]) -> bool:
    """Whether the call has the owner's token."""
    return case.headers.get("Authorization") in {f"Bearer {token}" for _, token in LOGGED_IN}


def client_address() -> str:
    """A client address that no other call has used."""
    number = next(NUMBERS)
    return f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


def newcomer() -> Any:
    """Sign up a new user and return the tokens."""
    body = {"email": f"newcomer{next(NUMBERS)}.{os.getpid()}@example.com", "password": WORLD["password"]}
    return ask(f"{URL}/v1/auth/signup", body, "", client_address())


def owner() -> str:
    """An access token of the owner that stays valid for some minutes."""
    if not LOGGED_IN or LOGGED_IN[-1][0] < time.monotonic():
        tokens = ask(f"{URL}/v1/auth/login", WORLD["owner"])
        LOGGED_IN.append((time.monotonic() + 600, tokens["accessToken"]))
    return LOGGED_IN[-1][1]
