"""Checks the words of all tracked text files, and the structure of the sources. Part of ``make lint``.

The phrases in REJECTED are wrong in every context. An occurrence that is right is listed in reject-exceptions.txt, as
``PATH: PHRASE: REASON``, where the path may be a pattern, and the phrase ``*``. An exception that matches nothing is an
error too.
"""

import re
import subprocess
import sys
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
EXCEPTIONS = "scripts/reject-exceptions.txt"

REJECTED = [
    (r"places?", "database (what a URL opens), or backend (the code)"),
    (r"whoever", "the operator, or: a caller who …"),
    (r"nobody|anybody", "anonymous, or: no client, any client"),
    (r"of (?:your|one's|ones) own", "embedded, or: separate"),
    (r"anew", "again"),
    (r"mend(?:s|ed|ing)?", "fix"),
    (r"judge[sd]?|judging", "validate, authorize, or evaluate"),
    (r"told apart", "distinguished"),
    (r"in force", "effective, or: applies"),
    (r"stands? beside", "is next to"),
    (r"good keys?", "valid key"),
    (r"dead keys?", "revoked key, or expired key"),
]
"""Phrases that are rejected, and what to write instead."""

PHRASES = [(re.compile(rf"\b(?:{phrase})\b"), instead) for phrase, instead in REJECTED]
ALLOWED = re.compile(r"\b(?:in|in its|in their|takes?|took|taken|taking|decimal) places?\b")
"""Phrases in which a rejected word is right everywhere."""

NAME = re.compile(r"(?<=[a-z])(?=[A-Z])|_")
SOURCES = (".rs", ".py", ".pyi", ".ts", ".mts", ".cts", ".mjs", ".js", ".css", ".toml", ".yml", ".yaml")
GENERATED = (
    "bindings-node/ts/generated/*",
    "bindings-python/python/gatekeeper/*_services.py",
    "*/gatekeeper/models.py",
)
BLOCKING = re.compile(r"core/src/blocking(\.rs|/)")
LOCKS = ("*.lock", "*package-lock.json")
MAX_LINES = 500


def tracked() -> Iterator[tuple[str, str]]:
    """The path and the text of every tracked text file."""
    command = ["git", "ls-files", "-z"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    for name in filter(None, listed.stdout.split("\0")):
        path = ROOT / name
        if path.is_symlink() or not path.is_file() or matches(name, LOCKS):
            continue
        try:
            yield name, path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue


def matches(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatch(name, pattern) for pattern in patterns)


class Exceptions:
    """The occurrences that are right although their phrase is rejected."""

    def __init__(self) -> None:
        self.unused: dict[tuple[str, str], int] = {}
        self.wrong: list[str] = []
        self.listed: list[tuple[str, str]] = []
        for number, line in enumerate((ROOT / EXCEPTIONS).read_text().splitlines(), 1):
            if not line or line.startswith("#"):
                continue
            parts = [part.strip() for part in line.split(": ", 2)]
            if len(parts) != 3 or not all(parts):  # noqa: PLR2004
                self.wrong.append(f"{EXCEPTIONS}:{number}: write PATH: PHRASE: REASON")
                continue
            self.listed.append((parts[0], parts[1]))
            self.unused[parts[0], parts[1]] = number

    def allow(self, name: str, phrase: str) -> bool:
        for exception in self.listed:
            if fnmatch(name, exception[0]) and exception[1] in (phrase, "*"):
                self.unused.pop(exception, None)
                return True
        return False


def words(name: str, text: str, exceptions: Exceptions) -> Iterator[str]:
    """The rejected phrases in a file. Names in snake_case and camelCase are read as words."""
    for number, line in enumerate(text.splitlines(), 1):
        plain = ALLOWED.sub("", NAME.sub(" ", line).lower().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'"))
        for phrase, instead in PHRASES:
            for found in phrase.finditer(plain):
                if not exceptions.allow(name, found[0]):
                    yield f'{name}:{number}: "{found[0]}": write {instead}'


def structure(name: str, text: str) -> Iterator[str]:
    """What is wrong with the structure of a source file."""
    lines = text.splitlines()
    if name.endswith(SOURCES) and not matches(name, GENERATED) and len(lines) > MAX_LINES:
        yield f"{name}: {len(lines)} lines: split it, a file has at most {MAX_LINES}"
    if not name.endswith(".rs"):
        return
    is_library = name.startswith(("core/src/", "server/src/", "gen/src/", "bindings-"))
    for number, line in enumerate(lines, 1):
        if is_library and "rusqlite" in line and not name.startswith("core/src/store/driver/"):
            yield f"{name}:{number}: rusqlite: only core/src/store/driver may use it, add a method there"
        if name.startswith("core/src/operation") and re.search(r"\basync\s+(?:fn|move|\{)", line):
            yield f"{name}:{number}: async: operations are synchronous, the client offloads them"
        if name.startswith("core/src/") and "pollster" in line and not (BLOCKING.match(name) or "///" in line):
            yield f"{name}:{number}: pollster: only the blocking client may wait for a future"


def main() -> int:
    exceptions = Exceptions()
    wrong = exceptions.wrong
    for name, text in tracked():
        wrong += structure(name, text)
        if name not in (EXCEPTIONS, "scripts/lint_text.py"):
            wrong += words(name, text, exceptions)
    wrong += [f"{EXCEPTIONS}:{line}: matches nothing: remove it" for line in exceptions.unused.values()]
    for each in wrong:
        print(each, file=sys.stderr)
    return min(len(wrong), 1)


if __name__ == "__main__":
    sys.exit(main())
