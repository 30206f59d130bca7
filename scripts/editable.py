"""Installs this checkout in the virtual environment that runs it: its metadata, its command, and a path to its sources.

Like ``maturin develop``, but without compiling the native module, which make has already done.
"""

import base64
import hashlib
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    about, maturin = project["project"], project["tool"]["maturin"]
    version = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["package"]["version"]
    name = about["name"].replace("-", "_")
    metadata = {
        "Metadata-Version": "2.4",
        "Name": about["name"],
        "Version": version,
        "Summary": about["description"],
        "Requires-Python": about["requires-python"],
        "License-Expression": about["license"],
    }
    wheel = {"Wheel-Version": "1.0", "Generator": "editable.py", "Root-Is-Purelib": "true", "Tag": "py3-none-any"}
    scripts = "".join(f"{command} = {function}\n" for command, function in about["scripts"].items())
    information = f"{name}-{version}.dist-info"
    files = {
        f"{name}.pth": f"{ROOT / maturin['python-source']}\n",
        f"{information}/METADATA": fields(metadata),
        f"{information}/WHEEL": fields(wheel),
        f"{information}/entry_points.txt": f"[console_scripts]\n{scripts}",
    }
    record = "".join(f"{path},sha256={digest(text)},{len(text.encode())}\n" for path, text in files.items())
    files[f"{information}/RECORD"] = f"{record}{information}/RECORD,,\n"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{name}-{version}-py3-none-any.whl"
        with zipfile.ZipFile(path, "w") as archive:
            for member, text in files.items():
                archive.writestr(member, text)
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
        subprocess.run([*pip, "--no-index", "--no-deps", "--force-reinstall", path], check=True)


def fields(values: dict[str, str]) -> str:
    return "".join(f"{name}: {value}\n" for name, value in values.items())


def digest(text: str) -> str:
    """The digest of a file in the format of a wheel's RECORD."""
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


main()
