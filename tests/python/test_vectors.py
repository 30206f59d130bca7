"""The language-neutral test vectors, run with the functions of the hot path."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT
from gatekeeper import _native

WINDOWS = ["window", "window-changes", "window-coarse", "window-definitions", "window-steps"]
# The fields of a window's result that a step may expect.
FIELDS = {"ok", "remaining", "total", "duration", "retryAfterMs", "freesAt", "reset", "refunded"}
FOLDER = Path(os.environ.get("GATEKEEPER_VECTORS", ROOT / "tests" / "vectors"))


def suite(name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return document


def answer(name: str, case: object) -> Any:
    return json.loads(_native._run_vector(json.dumps({"suite": name, "case": case})))


def test_every_file_of_vectors_is_run_here() -> None:
    assert {file.stem for file in FOLDER.glob("*.json")} == {"key-format", "limit-selection", "slots", *WINDOWS}


def test_well_formed_keys_have_their_prefix_and_digest() -> None:
    for case in suite("key-format")["valid"]:
        assert answer("key-format", case["key"]) == {"prefix": case["prefix"], "sha256": case["sha256"]}


def test_malformed_keys_are_rejected() -> None:
    for case in suite("key-format")["invalid"]:
        assert answer("key-format", case["key"]) is None, case


def test_the_limit_is_selected_by_role() -> None:
    for case in suite("limit-selection")["cases"]:
        assert answer("limit-selection", case) == case["expect"], case["name"]


def test_different_variables_have_different_slots() -> None:
    slots = suite("slots")["slots"]
    assert answer("slots", slots) == [True] * len(slots)


@pytest.mark.parametrize("name", WINDOWS)
def test_windows_slide_exactly(name: str) -> None:
    for case in suite(name)["cases"]:
        answers = answer(name, case)
        for step, actual in zip(case["steps"], answers, strict=True):
            expected = {field: value for field, value in step.items() if field in FIELDS}
            assert {field: actual.get(field) for field in expected} == expected, (case["name"], step)
