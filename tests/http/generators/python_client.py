"""Calls operations by the client that openapi-python-client has written, and tells what it made of each answer.

Reads `{url, calls: [{module, token, arguments, body}]}` and writes `[{status, sent, read}]`, in JSON.
"""

from __future__ import annotations

import importlib
import json
import sys
import typing
from typing import Any


def read_by_client(url: str, call: dict[str, Any]) -> dict[str, Any]:
    """What was sent, and what the client has read of it."""
    made = importlib.import_module("python_client_made")
    module = importlib.import_module(f"python_client_made.api.{call['module']}")
    client = made.AuthenticatedClient(base_url=url, token=call["token"]) if call["token"] else made.Client(base_url=url)
    arguments = dict(call["arguments"])
    if call["body"] is not None:
        body = typing.get_type_hints(module._get_kwargs)["body"]
        given = [kind for kind in typing.get_args(body) or [body] if hasattr(kind, "from_dict")]
        arguments["body"] = given[0].from_dict(call["body"])
    answered = module.sync_detailed(client=client, **arguments)
    read = answered.parsed
    return {
        "status": int(answered.status_code),
        "sent": json.loads(answered.content),
        "read": read.to_dict() if hasattr(read, "to_dict") else None,
    }


asked = json.load(sys.stdin)
json.dump([read_by_client(asked["url"], call) for call in asked["calls"]], sys.stdout)
