"""Importing the package in a subinterpreter is an error with advice; the main interpreter still works."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters
import pickle
import sys

SUB = '''
try:
    import gatekeeper
except ImportError as error:
    print("rejected:", error, flush=True)
else:
    print("imported", flush=True)
'''

def in_a_subinterpreter():
    # A subinterpreter that shares the lock of the main one, as those of servers do.
    sub = interpreters.create("legacy") if sys.version_info >= (3, 13) else interpreters.create(isolated=False)
    failed = interpreters.run_string(sub, SUB)
    assert failed is None, failed
    interpreters.destroy(sub)

def in_the_main_interpreter():
    from gatekeeper import AuthService, GatekeeperCore, GatekeeperError, UnauthorizedError, init_key_manager
    from gatekeeper.results import VerifyResult
    keys = init_key_manager(url="memory:", endpoints={"GET": {"default": {"maxReq": 2, "duration": 60_000}}})
    created = keys.create_user_api_key("user", ["PRO"])
    res = keys.verify_user_api_key(created["apiKey"], "GET")
    assert res.ok and isinstance(res, VerifyResult) and pickle.loads(pickle.dumps(res)).roles == ("PRO",)
    for call in (
        lambda: AuthService(GatekeeperCore("memory:")).me(),
        lambda: init_key_manager(url="mysql:x", endpoints={}),
    ):
        try:
            call()
        except UnauthorizedError as error:
            assert error.status == 401
        except GatekeeperError as error:
            assert error.status == 400
        else:
            raise AssertionError("no error")
    print("works", flush=True)

for where in sys.argv[1:]:
    in_a_subinterpreter() if where == "sub" else in_the_main_interpreter()
"""


@pytest.mark.parametrize("order", ["main sub main", "sub main sub main", "sub sub main"])
def test_a_subinterpreter_gets_an_import_error_and_the_main_one_works(order: str) -> None:
    run = [sys.executable, "-W", "ignore", "-c", PROGRAM, *order.split()]
    output = subprocess.run(run, check=True, capture_output=True, text=True).stdout.splitlines()
    assert len(output) == len(order.split())
    for where, line in zip(order.split(), output, strict=True):
        if where == "main":
            assert line == "works"
        else:
            assert line.startswith("rejected: gatekeeper cannot be imported in a subinterpreter"), line
            assert "WSGIApplicationGroup %{GLOBAL}" in line
            assert "single-interpreter = true" in line
