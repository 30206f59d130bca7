"""Former names: they still work in this version, and ``with_source`` warns."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from conftest import SECRET
from gatekeeper import AuthService, GatekeeperCore, RateLimitedError, aio

if TYPE_CHECKING:
    from pathlib import Path

PASSWORD = "hunter2pass"  # noqa: S105


def test_with_source_warns_and_returns_a_core_for_the_client_address() -> None:
    core = GatekeeperCore("memory:", secret=SECRET, signups_per_minute=1)
    with pytest.warns(DeprecationWarning, match="with_source is now with_client_address") as warned:
        former = core.with_source("192.0.2.1")
    assert [warning.filename for warning in warned] == [__file__]
    AuthService(former).signup("first@example.com", PASSWORD)
    with pytest.raises(RateLimitedError):
        AuthService(core.with_client_address("192.0.2.1")).signup("second@example.com", PASSWORD)


def test_with_source_warns_on_the_asynchronous_core_too() -> None:
    core = aio.GatekeeperCore("memory:", secret=SECRET, signups_per_minute=1)
    with pytest.warns(DeprecationWarning, match="with_source is now with_client_address"):
        former = core.with_source("192.0.2.1")
    asyncio.run(aio.AuthService(former).signup("first@example.com", PASSWORD))
    with pytest.raises(RateLimitedError):
        asyncio.run(aio.AuthService(core.with_client_address("192.0.2.1")).signup("second@example.com", PASSWORD))


@pytest.mark.parametrize("core", [GatekeeperCore, aio.GatekeeperCore])
def test_the_former_variable_of_the_url_is_read_if_the_current_one_is_not_set(
    core: type[GatekeeperCore | aio.GatekeeperCore], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def sign_up() -> None:
        made = core.from_env(secret=SECRET)
        if isinstance(made, GatekeeperCore):
            AuthService(made).signup("founder@example.com", PASSWORD)
        else:
            asyncio.run(aio.AuthService(made).signup("founder@example.com", PASSWORD))

    former, current = tmp_path / "former.db", tmp_path / "current.db"
    monkeypatch.setenv("GATEKEEPER_BASE_URL", str(former))
    monkeypatch.setenv("GATEKEEPER_URL", str(current))
    sign_up()
    assert (current.exists(), former.exists()) == (True, False)

    monkeypatch.delenv("GATEKEEPER_URL")
    sign_up()
    assert former.exists()
