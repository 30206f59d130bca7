"""What the tests of the documentation and of the examples run: servers, programs and checkers of types."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pages import GATEKEEPER, ROOT, environment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TSC = ROOT / "node_modules/.bin/tsc"
STRICT = {
    "target": "es2023",
    "lib": ["es2024"],
    "types": ["node"],
    "module": "nodenext",
    "strict": True,
    "noEmit": True,
}
"""The options with which TypeScript is checked."""


@contextmanager
def served(folder: Path) -> Iterator[tuple[str, str]]:
    """Run a server in a folder, as the tutorial starts it; return its URL and the root key."""
    settings = environment(folder)
    created = subprocess.run([GATEKEEPER, "init", "--json"], cwd=folder, env=settings, check=True, capture_output=True)
    with subprocess.Popen(
        [GATEKEEPER, "serve", "--port", "0"],
        cwd=folder,
        env=settings,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().split()[2], json.loads(created.stdout)["rootKey"]
        finally:
            process.terminate()


def printed_by(command: list[str], folder: Path, **settings: str) -> list[str]:
    """Run a program in a folder, which must succeed; return the lines that it prints."""
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment(folder, **settings),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout.splitlines()


def with_packages(folder: Path) -> Path:
    """Return the folder, with the packages that the programs import."""
    packages = folder / "node_modules"
    packages.mkdir()
    for name, target in (("gatekeeper-native", ROOT), ("jose", ROOT / "node_modules/jose")):
        (packages / name).symlink_to(target)
    (packages / "@types").symlink_to(ROOT / "node_modules/@types")
    return folder


def compiled(source: str) -> str:
    """Return a program in TypeScript as JavaScript."""
    esbuild = [str(ROOT / "node_modules/.bin/esbuild"), "--loader=ts", "--format=esm"]
    return subprocess.run(esbuild, input=source, capture_output=True, text=True, check=True).stdout


def by_mypy(folder: Path) -> list[str]:
    """Return the command that checks a folder with mypy."""
    (folder / "mypy.ini").write_text("[mypy]\nstrict = True\nignore_missing_imports = True\n")
    return [sys.executable, "-m", "mypy", "--config-file", str(folder / "mypy.ini"), str(folder)]


def by_pyright(folder: Path) -> list[str]:
    """Return the command that checks a folder with pyright."""
    strict = {"strict": ["."], "reportMissingTypeStubs": False}
    (folder / "pyrightconfig.json").write_text(json.dumps(strict))
    return [str(ROOT / "node_modules/.bin/pyright"), "--pythonpath", sys.executable, "-p", str(folder)]


def by_tsc(folder: Path) -> list[str]:
    """Return the command that checks a folder with TypeScript."""
    (folder / "tsconfig.json").write_text(json.dumps({"compilerOptions": STRICT, "include": ["*.mts"]}))
    return [str(TSC), "-p", str(folder)]


def complaints(command: list[str]) -> str:
    """Return what a checker complains of, or an empty text."""
    checked = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return checked.stdout + checked.stderr if checked.returncode else ""
