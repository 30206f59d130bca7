"""URLs that are rejected with the URL that was probably meant, and files that do not exist."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest
from conftest import ENDPOINTS
from gatekeeper import (
    BadRequestError,
    GatekeeperCore,
    ServiceUnavailableError,
    TenantsService,
    aio,
    init_key_manager,
)

CASES = json.loads((Path(__file__).parents[1] / "cases" / "urls.json").read_text())["cases"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: repr(case["url"]))
def test_a_mistyped_url_is_rejected_with_the_nearest_right_one_and_creates_no_file(
    case: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    url = case["url"]
    for make in (
        lambda: init_key_manager(url=url, endpoints=ENDPOINTS),
        lambda: aio.init_key_manager(url=url, endpoints=ENDPOINTS),
        lambda: GatekeeperCore(url),
        lambda: aio.GatekeeperCore(url),
    ):
        with pytest.raises(BadRequestError) as raised:
            make()
        assert case["nearest"] in str(raised.value)
    assert not list(tmp_path.iterdir())


def test_without_create_a_file_that_does_not_exist_is_unavailable(tmp_path: Path) -> None:
    path = tmp_path / "gatekeeper.db"
    keys = init_key_manager(url=str(path), endpoints=ENDPOINTS, create=False)
    for call in (
        lambda: keys.create_user_api_key("user"),
        lambda: keys.verify_user_api_key("user_2esjVpufvRRQPudf1J4hnq8dHZ674eSVcJ", "ONCE"),
        lambda: TenantsService(GatekeeperCore(str(path), create=False, operator=True)).create("Acme Inc"),
    ):
        with pytest.raises(ServiceUnavailableError, match="create is false"):
            call()
    assert not list(tmp_path.iterdir())
    with pytest.raises(BadRequestError, match="create must be True or False"):
        init_key_manager(url=str(path), endpoints=ENDPOINTS, create="no")  # type: ignore[arg-type]


async def test_without_create_an_asynchronous_call_is_unavailable_too(tmp_path: Path) -> None:
    keys = aio.init_key_manager(url=str(tmp_path / "gatekeeper.db"), endpoints=ENDPOINTS, create=False)
    with pytest.raises(ServiceUnavailableError, match="create is false"):
        await keys.create_user_api_key("user")


def test_a_new_file_is_logged_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "gatekeeper.db"
    caplog.set_level(logging.INFO, logger="gatekeeper")
    keys = init_key_manager(url=str(path), endpoints=ENDPOINTS)
    assert not caplog.records
    keys.create_user_api_key("user")
    keys.create_user_api_key("user")
    assert [record.getMessage() for record in caplog.records] == [f"created the database {path}"]
