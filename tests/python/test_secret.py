"""The secret that encrypts the signing keys: a changed one, and one that is generated."""

from __future__ import annotations

import stat
import warnings
from pathlib import Path

import pytest
from conftest import SECRET
from gatekeeper import AuthService, BadRequestError, GatekeeperCore, Tokens, UnauthorizedError

EMAIL, PASSWORD = "founder@example.com", "hunter2pass"


def test_a_changed_secret_causes_a_warning_and_with_the_previous_secret_all_tokens_stay_valid(tmp_path: Path) -> None:
    path = str(tmp_path / "gatekeeper.db")
    other = "another secret, as long"

    # A process opens a database with one secret only: each core is dropped before the next one is made.
    def signed_up() -> str:
        return AuthService(GatekeeperCore(path, secret=SECRET)).signup(EMAIL, PASSWORD).access_token

    def is_accepted(token: str, secret: str, previous_secret: str | None = None) -> bool:
        core = GatekeeperCore(path, token=token, secret=secret, previous_secret=previous_secret)
        try:
            return AuthService(core).me().email == EMAIL
        except UnauthorizedError:
            return False

    def changed(first: str) -> str:
        second = AuthService(GatekeeperCore(path, secret=other)).login(EMAIL, PASSWORD)
        assert isinstance(second, Tokens)
        assert is_accepted(second.access_token, secret=other)
        assert not is_accepted(first, secret=other)
        return second.access_token

    first = signed_up()
    with pytest.warns(UserWarning, match="cannot be opened with this secret: 1"):
        second = changed(first)
    for token in (first, second):
        assert is_accepted(token, secret=other, previous_secret=SECRET)
    assert is_accepted(first, secret=other)
    with pytest.raises(BadRequestError, match="previousSecret: only available with an embedded database"):
        GatekeeperCore("http://localhost", previous_secret=SECRET)


def test_a_generated_secret_file_causes_one_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GATEKEEPER_SECRET", raising=False)
    path = tmp_path / "gatekeeper.db"
    core = GatekeeperCore(str(path))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        tokens = AuthService(core).signup(EMAIL, PASSWORD)
        AuthService(core).login(EMAIL, PASSWORD)
        AuthService(GatekeeperCore(f"sqlite:{path}")).login(EMAIL, PASSWORD)
    [warning] = caught
    assert f"{path}-secret" in str(warning.message)
    assert warning.filename == __file__
    kept = Path(f"{path}-secret")
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert kept.read_text() not in str(warning.message)
    core.set_token(tokens.access_token)
    assert AuthService(core).me().email == EMAIL
