"""The example of `docs/gatekeeper.md`, as printed there, with another database URL."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from conftest import ROOT, SECRET, Serve

if TYPE_CHECKING:
    from pathlib import Path

ENDING = """
    assert event.quantity == 1 and event.api_key_id == created.api_key.id, event
    assert created.plain_text_key.startswith("gk_live_") and created.plain_text_key not in repr(created)
    print("done")
"""


def printed(language: str) -> str:
    blocks: list[str] = re.findall(rf"```{language}\n(.*?)```", (ROOT / "docs/gatekeeper.md").read_text(), re.DOTALL)
    [quickstart] = [block for block in blocks if "UsageService(core)" in block]
    assert "sqlite:gatekeeper.db" in quickstart
    return quickstart


@pytest.mark.parametrize("url", ["memory:", "sqlite:quickstart.db"])
def test_the_quickstart_runs_as_printed(url: str, tmp_path: Path) -> None:
    program = printed("python").replace("sqlite:gatekeeper.db", url) + ENDING
    environment = os.environ | {"GATEKEEPER_SECRET": SECRET}
    run = [sys.executable, "-W", "error", "-c", program]
    done = subprocess.run(run, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.stdout == "done\n", done.stderr


def test_the_quickstart_runs_against_a_fresh_server(serve: Serve, tmp_path: Path) -> None:
    program = printed("python").replace("sqlite:gatekeeper.db", serve(f"sqlite:{tmp_path}/gatekeeper.db")) + ENDING
    run = [sys.executable, "-W", "error", "-c", program]
    done = subprocess.run(run, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stdout == "done\n", done.stderr
