"""The pages of the documentation, their blocks of code, and the programs that the blocks form."""

from __future__ import annotations

import os
import re
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
GENERATED = ROOT / "docs/reference/http.md"
"""Written by `make gen` from the OpenAPI document, whose examples the tests of HTTP send and check."""
SHOWN = [ROOT / "README.md", *sorted(path for path in ROOT.glob("docs/**/*.md") if path != GENERATED)]
"""The pages whose examples and commands users run."""
PAGES = sorted(
    {*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob(".github/**/*.md"), ROOT / "bench/RESULTS.md"}
)
"""Every page."""
SCRIPTS = ["README.md", "docs/tutorial.md", "docs/cli.md"]
"""The pages whose commands are run, in their order, in one folder."""

GATEKEEPER = str(Path(sys.executable).with_name("gatekeeper"))
SERVER = "http://127.0.0.1:8787"
"""The server of the pages; a test has one on another port."""

BLOCK = re.compile(
    r"^(?P<indent> *)```(?P<language>\w*)[^\n]*\n(?P<text>.*?)^(?P=indent)```$", re.DOTALL | re.MULTILINE
)
QUOTED = re.compile(r"\]\((?P<file>[\w/.-]*files/[\w/.-]+)\)(?:(?!\n\n).)*\n\n```\w+\n(?P<text>.*?)\n```", re.DOTALL)
"""A link to a file, and the block of code right behind it."""


@dataclass(frozen=True)
class Block:
    """A block of code of a page."""

    page: Path
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        """Return the block's position, as a test's name."""
        return f"{named(self.page)}:{self.line}"


def named(page: Path) -> str:
    """Return the name of a page."""
    return str(page.relative_to(ROOT))


def blocks_of(page: Path, *languages: str) -> list[Block]:
    """Return the blocks of a page in these languages; without any, all."""
    text = page.read_text()
    found = (
        Block(page, text[: match.start()].count("\n") + 1, match["language"], textwrap.dedent(match["text"]))
        for match in BLOCK.finditer(text)
    )
    return [block for block in found if not languages or block.language in languages]


def quoted_in(page: Path) -> dict[str, str]:
    """Return the files that a page quotes, by their path from the page, with the text that it shows."""
    return {match["file"]: match["text"] for match in QUOTED.finditer(page.read_text())}


def is_quoted(block: Block) -> bool:
    """Return whether a block shows a file, which has tests of its own."""
    return block.text.rstrip("\n") in quoted_in(block.page).values()


def programs_of(page: Path, language: str) -> list[Block]:
    """Return the programs of a page.

    A block that imports starts one, and a block that does not continues the one before.
    """
    programs: list[Block] = []
    for block in blocks_of(page, language):
        if is_quoted(block):
            continue
        if re.search(r"^(import|from) ", block.text, re.MULTILINE) or not programs:
            programs.append(block)
        else:
            before = programs.pop()
            programs.append(Block(page, before.line, language, f"{before.text}\n{block.text}"))
    return programs


def expected_of(program: Block) -> list[str]:
    """Return what a program prints, by the comments behind its calls of `print` and `console.log`."""
    printed = re.compile(r"\b(?:print|console\.log)\(.*\)[;)]* +(?:#|//) (?P<expected>.*)$", re.MULTILINE)
    return [match["expected"] for match in printed.finditer(program.text)]


def environment(folder: Path, **more: str) -> dict[str, str]:
    """Return the environment of what runs in a folder: with this checkout's programs, and without a user's settings."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return {"PATH": path, "HOME": str(folder), "GATEKEEPER_SECRET": "a secret of the tests alone", **more}
