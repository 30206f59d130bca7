"""The checks that make runs before a build: missing programs are listed or installed, and nothing else changes."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
UPGRADE = "Inst libnss3 [2:3.87-u2] (2:3.87-u4 Debian-Security:12 [amd64])"
SIBLING = "Inst libnss3-tools (2:3.87-u4 Debian-Security:12 [amd64])"


class Machine:
    """A machine on which some programs are missing, with an apt-get that only records its calls."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.calls = folder / "calls"
        self.calls.touch()
        # Programs that would change the machine only record their calls.
        for program in ("apt-get", "install", "rm", "systemctl"):
            self.program(program, f'echo "{program} $*" >> "{self.calls}"')
        self.program("sudo", f'echo "sudo $*" >> "{self.calls}"; exit 1')

    def program(self, name: str, script: str) -> None:
        path = self.folder / name
        path.write_text(f"#!/bin/bash\n{script}\n")
        path.chmod(0o755)

    def plan(self, *lines: str, unless: str = "no such package") -> None:
        """Set the plan that apt-get prints; it is empty if `unless` is among its arguments."""
        plan = "\n".join(lines)
        self.program(
            "apt-get",
            f'echo "apt-get $*" >> "{self.calls}"\ncase "$*" in *"{unless}"*) ;; *--simulate*) echo "{plan}" ;; esac',
        )

    def check(self, *programs: str, user: int, **variables: str) -> subprocess.CompletedProcess[str]:
        self.program("id", f"echo {user}")
        kept = {name: value for name, value in os.environ.items() if name not in {"CI", "INSTALL"}}
        environment = kept | {"PATH": f"{self.folder}:{os.environ['PATH']}"} | variables
        command = [str(ROOT / "scripts/check-tools"), *programs]
        return subprocess.run(
            command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )

    def installed(self) -> list[str]:
        """The calls of apt-get that install something."""
        calls = self.calls.read_text().splitlines()
        return [
            call for call in calls if call.startswith("apt-get") and " install " in call and "--simulate" not in call
        ]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_an_ordinary_user_gets_a_list_of_all_missing_programs_and_nothing_is_installed(machine: Machine) -> None:
    machine.program("node", "echo v18.20.4")
    done = machine.check("gk-one", "gk-two", user=1000)
    assert done.returncode == 1
    assert "sudo apt-get install --no-install-recommends gk-one gk-two\n" in done.stderr
    assert "Node 20.17 or later (found: 18.20.4): https://nodejs.org" in done.stderr
    assert machine.calls.read_text() == ""


def test_installed_programs_are_not_listed(machine: Machine) -> None:
    done = machine.check("bash", user=0)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert machine.calls.read_text() == ""


@pytest.mark.parametrize("variables", [{"CI": "1"}, {"CI": "true"}, {"INSTALL": "1"}])
def test_an_ordinary_user_can_install_with_sudo_which_never_prompts_without_a_terminal(
    machine: Machine, variables: dict[str, str]
) -> None:
    assert machine.check("gk-one", user=1000, **variables).returncode == 1
    assert machine.calls.read_text().startswith("sudo --non-interactive env DEBIAN_FRONTEND=noninteractive apt-get")


def test_root_installs_missing_programs_without_upgrades_and_without_starting_services(machine: Machine) -> None:
    machine.plan("Inst gk-one (1.0 Debian:12 [amd64])")
    machine.check("gk-one", user=0)
    assert len(machine.installed()) == 1
    assert "--no-install-recommends --no-upgrade --no-remove" in machine.installed()[0]
    assert machine.installed()[0].endswith(" gk-one")


@pytest.mark.parametrize("change", [UPGRADE, "Remv gk-other [1.0]"])
def test_nothing_is_installed_if_that_would_upgrade_or_remove_a_package(machine: Machine, change: str) -> None:
    machine.plan("Inst gk-one (1.0 Debian:12 [amd64])", change)
    done = machine.check("gk-one", user=0)
    assert done.returncode == 1
    assert change in done.stderr
    assert machine.installed() == []


def test_a_new_package_is_installed_in_the_version_that_matches_installed_packages(machine: Machine) -> None:
    machine.plan(UPGRADE, SIBLING, unless="libnss3-tools=2:3.87-u2")
    machine.check("gk-one", user=0)
    assert [call.split(" gk-one ")[1] for call in machine.installed()] == ["libnss3-tools=2:3.87-u2"]
