"""Shows in the README what the last measurement found: its figures are those of `bench/RESULTS.md`, and no others.

python -m bench.readme [--check]

With `--check`, fails where the README shows others.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def sections(document: str) -> dict[str, str]:
    """The text below each heading of the second level; that above the first is below none."""
    parts = f"\n{document}".split("\n## ")
    return {"": parts[0].strip()} | {
        heading: text.strip() for heading, _, text in (part.partition("\n") for part in parts[1:])
    }


def blocks(document: str) -> dict[str, str]:
    """What stands between the README's markers, by their names."""
    found = sections(document)
    # The title, and the line that says when and where it was measured.
    _, measured, *_ = found[""].split("\n\n")
    peers, ahead, *_ = found["Against peers"].split("\n\n")
    memory = "\n\n".join([measured, found["Beside SHA-256"]])
    rest = [
        peers,
        ahead,
        "![Every column as bars](bench/peers.svg)",
        "Usage and logins:",
        found["Usage and logins"],
        "The server, and who asks it, on the same two cores:",
        found["The server"],
    ]
    return {"memory": memory, "peers": "\n\n".join(rest)}


def filled(readme: str, document: str) -> str:
    """The README with the figures of a document of results."""
    for name, block in blocks(document).items():
        start, end = f"<!-- bench:{name} -->\n", f"\n<!-- bench:{name} end -->"
        before, rest = readme.split(start)
        readme = f"{before}{start}{block}{end}{rest.split(end)[1]}"
    return readme


def write(document: str, *, check: bool = False) -> None:
    """Fills the README, or says that it shows other figures."""
    path = ROOT / "README.md"
    shown = path.read_text()
    new = filled(shown, document)
    if check and new != shown:
        sys.exit("README.md shows other figures than bench/RESULTS.md: run python -m bench.readme")
    path.write_text(new)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--check", action="store_true")
    write((ROOT / "bench/RESULTS.md").read_text(), check=parser.parse_args().check)
