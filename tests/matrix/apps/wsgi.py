"""Verifies keys over WSGI, for gunicorn."""

import json
from wsgiref.types import StartResponse, WSGIEnvironment

import engine


def application(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
    body = json.dumps(engine.verified(engine.key_of(environ["QUERY_STRING"]))).encode()
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]
