"""Two copies of the native module in one process, as two packages would load them that each bundle one."""

import subprocess
import sys
from pathlib import Path

PROGRAM = """
import importlib.util, shutil, sys
from gatekeeper import _native, init_key_manager

file = shutil.copy(_native.__file__, sys.argv[1])
spec = importlib.util.spec_from_file_location("copy._native", file)
second = importlib.util.module_from_spec(spec)
spec.loader.exec_module(second)
assert second.KeyManager is not _native.KeyManager

url = sys.argv[1] + "/gatekeeper.db"
endpoints = {"GET": {"default": {"maxReq": 1, "duration": 60000}}}
keys = init_key_manager(url=url, endpoints=endpoints)
key = keys.create_user_api_key("user")["apiKey"]
assert keys.verify_user_api_key(key, "GET").ok

sys.modules["gatekeeper._native"] = second
for name in [name for name in sys.modules if name.startswith("gatekeeper") and name != "gatekeeper._native"]:
    del sys.modules[name]
import gatekeeper
second_keys = gatekeeper.init_key_manager(url=url, endpoints=endpoints)
for call in (lambda: second_keys.verify_user_api_key(key, "GET"), lambda: second_keys.create_user_api_key("user")):
    try:
        call()
    except gatekeeper.GatekeeperError as error:
        print(error.code, error.message)
print(keys.verify_user_api_key(key, "GET").ok)
"""


def test_a_second_copy_is_rejected_and_the_first_still_counts(tmp_path: Path) -> None:
    run = [sys.executable, "-c", PROGRAM, str(tmp_path)]
    answer = subprocess.run(run, capture_output=True, text=True, timeout=60, check=True).stdout.splitlines()
    *rejected, counted = answer
    assert len(rejected) == 2, "the second copy was not rejected"
    for error in rejected:
        assert error.startswith("service_unavailable")
        assert "another copy of gatekeeper-native" in error
    assert counted == "False", "the first copy forgot what it had counted"
