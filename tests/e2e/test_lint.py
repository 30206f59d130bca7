"""The checks of `make lint` on the arrows between modules: each rejects what it is for."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING

import pytest

from scripts.lint_modules import ALLOWED, CRATES, ONE_VERIFY, ROOT, Crate, circles, pipelines

if TYPE_CHECKING:
    from pathlib import Path


def crate_of(folder: Path, **files: str) -> Crate:
    """Write the files of a crate, by their modules with `__` between, and read it."""
    for name, text in files.items():
        path = folder / "core/src" / f"{name.replace('__', '/')}.rs"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return Crate(folder / "core/src")


CIRCLES = {
    "two modules": {"a": "use crate::b::B;", "b": "use crate::a::A;"},
    "three modules": {"a": "use crate::b::B;", "b": "fn b() { crate::c::c() }", "c": "use super::a::A;"},
    "a group of names": {"a": "use crate::{\n    b::{B, C as D},\n    c,\n};", "b": "use crate::a::A;", "c": ""},
    "a name of the root": {"lib": "mod a;\nmod b;\npub use b::B;", "a": "use crate::B;", "b": "use crate::a::A;"},
    "a file below": {"a": "mod deep;", "a__deep": "use crate::b::B;", "b": "use crate::a::A;"},
    "a module in a file": {"a": "mod inner {\n    use crate::b::B;\n}", "b": "use crate::a::A;"},
}


@pytest.mark.parametrize("files", CIRCLES.values(), ids=CIRCLES)
def test_a_circle_of_modules_is_found(files: dict[str, str], tmp_path: Path) -> None:
    root = "".join(f"mod {name};\n" for name in files if "__" not in name and name != "lib")
    [found] = circles(crate_of(tmp_path, **{"lib": root, **files}))
    assert found.startswith("a circle of modules in crate: a → b → ")
    assert "core/src/b.rs:1 uses " in found


def test_a_circle_below_a_module_is_found(tmp_path: Path) -> None:
    files = {"lib": "mod room;", "room": "mod a;\nmod b;\npub use b::B;", "room__a": "use super::B;"}
    [found] = circles(crate_of(tmp_path, **files, room__b="use super::a::A;"))
    assert found.startswith("a circle of modules in crate::room: a → b → a: core/src/room/a.rs:1 uses b")
    assert list(circles(crate_of(tmp_path), allowed=["room"])) == []


NO_CIRCLES = {
    "one direction": {"a": "use crate::b::B;", "b": "use crate::c::C;", "c": ""},
    "a comment": {"a": "use crate::b::B;", "b": "//! Used by [`A`](crate::a::A).\n/* crate::a */"},
    "a text": {"a": "use crate::b::B;", "b": 'const B: &str = "crate::a::A"; const Q: char = \'"\';'},
    "tests": {"a": "use crate::b::B;", "b": "#[cfg(test)]\nmod tests {\n    use crate::a::A;\n}"},
    "a file of tests": {"a": "use crate::b::B;", "b": "#[cfg(test)]\nmod tests;", "b__tests": "use crate::a::A;"},
    "what the module above defines": {"a": "mod deep;\npub struct A;", "a__deep": "use super::A;", "b": ""},
    "a visibility": {"a": "use crate::b::B;", "b": "pub(in crate::a) struct B;"},
}


@pytest.mark.parametrize("files", NO_CIRCLES.values(), ids=NO_CIRCLES)
def test_what_is_no_circle_is_none(files: dict[str, str], tmp_path: Path) -> None:
    root = "".join(f"mod {name};\n" for name in files if "__" not in name)
    assert list(circles(crate_of(tmp_path, lib=root, **files))) == []


def test_a_second_pipeline_of_verification_is_found(tmp_path: Path) -> None:
    once = "fn step(&self) { self.endpoint.choose(roles); self.counters.acquire(endpoint.slot(key)); }"
    crate = crate_of(tmp_path, lib="mod verify;\nmod guard;", verify=once, guard="")
    assert list(pipelines(crate)) == []
    crate = crate_of(tmp_path, guard="fn check(&self) { self.engine.counters\n.acquire(other); }")
    assert list(pipelines(crate)) == ["the counters are used in guard and verify: one module must do it"]
    crate = crate_of(tmp_path, guard="", verify=once + "fn again(&self) { endpoint.choose(&roles) }")
    [found] = pipelines(crate)
    assert found == "the limit of a key is selected in verify::again and verify::step: one function must do it"
    crate = crate_of(tmp_path, verify="fn step(&self) { endpoint.choose(roles); self.counters.acquire(slot); }")
    assert list(pipelines(crate)) == ["the slot of a key is named in no module: one module must do it"]


def test_every_exception_is_needed() -> None:
    for folder, module in ALLOWED:
        found = [each for each in circles(Crate(ROOT / folder)) if f" in crate::{module}: " in each]
        assert found, f"{folder}, {module}: there is no circle"


def test_the_crates_are_read_whole() -> None:
    for folder in CRATES:
        assert len(Crate(ROOT / folder).modules) > 5, folder
    assert len(ONE_VERIFY) >= 3


def test_every_fuzz_target_is_built_and_has_inputs_to_begin_with() -> None:
    fuzz = ROOT / "core/fuzz"
    targets = {path.stem for path in fuzz.glob("fuzz_targets/*.rs")}
    assert {each["name"] for each in tomllib.loads((fuzz / "Cargo.toml").read_text())["bin"]} == targets
    assert {path.parent.name for path in fuzz.glob("corpus/*/*")} == targets
