"""Each package of a release, installed and used in a clean environment. `make dist` runs these tests."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).resolve().parents[2]
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve()
DIST = TARGET / "dist"
VERSION = json.loads((ROOT / "package.json").read_text())["version"]
TOOLS = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "HOME": os.environ["HOME"]}
"""The environment for building a package. Programs that use a package get only a path."""

IN_PYTHON = """
import gatekeeper
keys = gatekeeper.init_key_manager(url="sqlite:k.db", endpoints={"GET": {"default": {"maxReq": 2, "duration": 60_000}}})
key = keys.create_user_api_key("user")["apiKey"]
print(gatekeeper.__version__, [keys.verify_user_api_key(key, "GET").ok for _ in range(3)])
"""
IN_NODE = """
import { createRequire } from 'node:module';
import { initKeyManager } from 'gatekeeper-native';
const { version } = createRequire(import.meta.url)('gatekeeper-native/package.json');
const limits = { GET: { default: { maxReq: 2, duration: 60_000 } } };
const { createUserAPIKey, verifyUserAPIKey } = initKeyManager({ url: 'sqlite:k.db', endpoints: limits });
const { apiKey } = await createUserAPIKey('user');
const answers = [];
for (let call = 0; call < 3; call += 1) answers.push((await verifyUserAPIKey(apiKey, 'GET')).ok);
console.log(version, JSON.stringify(answers));
"""
IN_RUST = """
use gatekeeper::{CreateKey, Endpoint, Endpoints, Gatekeeper, Limit};
fn main() -> gatekeeper::Result<()> {
    let gatekeeper = Gatekeeper::open("sqlite:k.db")?;
    let created = gatekeeper.call_blocking(CreateKey::new("user"))?;
    let endpoint = Endpoint::new(Limit::new(2, 60_000)?);
    let verifier = gatekeeper.verifier(Endpoints::new().define("GET", endpoint))?;
    for _ in 0..3 {
        let verdict = verifier.verify(created.api_key.expose(), "GET", &[] as &[&str])?;
        println!("{}", matches!(verdict, gatekeeper::Verdict::Admitted(_)));
    }
    Ok(())
}
"""


def one(pattern: str) -> Path:
    """The only file of the release with this name pattern."""
    [found] = DIST.glob(pattern)
    return found


def run(*command: object, folder: Path, environment: Mapping[str, str] | None = None) -> str:
    clean = {"PATH": "/usr/bin:/bin", "HOME": str(folder), "GATEKEEPER_SECRET": "a secret of the tests alone"}
    words = [str(word) for word in command]
    done = subprocess.run(
        words, cwd=folder, env={**clean, **(environment or {})}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def python(tmp_path: Path) -> Path:
    """The Python of an empty virtual environment."""
    run(sys.executable, "-m", "venv", "venv", folder=tmp_path)
    return tmp_path / "venv/bin/python"


def installed(python: Path, wheel: Path) -> None:
    run(python, "-m", "pip", "install", "-q", "--no-index", "--no-cache-dir", wheel, folder=python.parents[2])


def test_the_wheel_installs_and_works(python: Path, tmp_path: Path) -> None:
    installed(python, one("*.whl"))
    assert run(python, "-c", IN_PYTHON, folder=tmp_path) == f"{VERSION} [True, True, False]\n"
    assert run(python.with_name("gatekeeper"), "--version", folder=tmp_path) == f"gatekeeper {VERSION}\n"


def test_the_wheel_supports_every_python_and_every_linux_in_its_name() -> None:
    wheel = one("*.whl")
    assert "-cp311-abi3-" in wheel.name
    shown = run(sys.executable, "-m", "auditwheel", "show", wheel, folder=DIST)
    if "manylinux" in wheel.name:
        assert '"manylinux_2_17_' in " ".join(shown.split())


def test_the_sdist_builds_a_wheel_that_works(python: Path, tmp_path: Path) -> None:
    # In a fast profile: the test only checks that the sdist is complete.
    quick = {"MATURIN_PEP517_ARGS": "--profile dev", "CARGO_TARGET_DIR": str(TARGET)}
    build = ("-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "--no-cache-dir", one("*.tar.gz"))
    run(sys.executable, *build, folder=tmp_path, environment={**TOOLS, **quick})
    [wheel] = tmp_path.glob("*.whl")
    installed(python, wheel)
    assert run(python, "-c", IN_PYTHON, folder=tmp_path) == f"{VERSION} [True, True, False]\n"


def test_the_npm_packages_install_and_work(tmp_path: Path) -> None:
    (tmp_path / "package.json").write_text('{"private": true}')
    options = ("--offline", "--no-audit", "--no-fund", "--ignore-scripts", "--silent", "--cache", tmp_path / "cache")
    run("npm", "install", *options, *DIST.glob("*.tgz"), folder=tmp_path, environment=TOOLS)
    (tmp_path / "program.mjs").write_text(IN_NODE)
    assert run("node", "program.mjs", folder=tmp_path, environment=TOOLS) == f"{VERSION} [true,true,false]\n"
    command = tmp_path / "node_modules/.bin/gatekeeper-native"
    assert run(command, "--version", folder=tmp_path, environment=TOOLS) == f"gatekeeper {VERSION}\n"


def test_the_crate_compiles_and_works(tmp_path: Path) -> None:
    with tarfile.open(one("*.crate")) as crate:
        crate.extractall(tmp_path, filter="data")
    program = tmp_path / "program"
    (program / "src").mkdir(parents=True)
    (program / "src/main.rs").write_text(IN_RUST)
    (program / "Cargo.toml").write_text(
        '[package]\nname = "program"\nedition = "2024"\n[dependencies]\n'
        f'gatekeeper-native = {{ path = "../gatekeeper-native-{VERSION}" }}\n'
    )
    # The lock file of the checkout, so that nothing must be downloaded.
    (program / "Cargo.lock").write_bytes((ROOT / "Cargo.lock").read_bytes())
    cargo = {name: value for name, value in os.environ.items() if name.startswith(("CARGO_HOME", "RUSTUP_"))}
    environment = {**TOOLS, **cargo, "CARGO_TARGET_DIR": str(TARGET)}
    output = run("cargo", "run", "--quiet", "--offline", folder=program, environment=environment)
    assert output.split() == ["true", "true", "false"]


def test_the_server_works_alone(tmp_path: Path) -> None:
    server = DIST / "gatekeeper"
    assert run(server, "--version", folder=tmp_path) == f"gatekeeper {VERSION}\n"
    run(server, "init", folder=tmp_path)
    created = json.loads(run(server, "keys", "create", "--json", folder=tmp_path))
    key = {"GATEKEEPER_KEY": created["plainTextKey"]}
    verify = (server, "keys", "verify", "--endpoint", "GET_TASKS", "--json")
    assert json.loads(run(*verify, folder=tmp_path, environment=key))["ok"] is True
