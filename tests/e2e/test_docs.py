"""What the documentation shows: the very files, links that lead somewhere, metrics that there are."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
FILES = ROOT / "docs/how-to/files"
# A link to a file, and the block of code right behind it.
QUOTED = re.compile(r"\]\((?P<file>[\w/.-]*files/[\w/.-]+)\)(?:(?!\n\n).)*\n\n```\w+\n(?P<text>.*?)\n```", re.DOTALL)
LINK = re.compile(r"(?<!!)\[[^\]]*\]\((?P<target>[^)\s]+)\)")


def named(page: Path) -> str:
    return str(page.relative_to(ROOT))


def headings(page: Path) -> set[str]:
    """The headings of a page, as GitHub names them in links."""
    lines = [line for line in page.read_text().splitlines() if line.startswith("#")]
    plain = (re.sub(r"[^\w\s-]", "", line.lstrip("#").strip().lower()) for line in lines)
    return {text.replace(" ", "-") for text in plain}


def without_code(text: str) -> str:
    return re.sub(r"`[^`\n]*`", "`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_link_leads_somewhere(page: Path) -> None:
    for link in LINK.finditer(without_code(page.read_text())):
        target, _, heading = link["target"].partition("#")
        if "://" in target:
            continue
        there = (page.parent / target).resolve() if target else page
        assert there.exists(), link[0]
        if heading and there.suffix == ".md":
            assert heading in headings(there), link[0]


def test_every_file_that_a_page_quotes_is_quoted_as_it_is() -> None:
    quoted = [(page, found) for page in PAGES for found in QUOTED.finditer(page.read_text())]
    assert len(quoted) >= 12
    for page, found in quoted:
        assert (page.parent / found["file"]).read_text().rstrip() == found["text"], (named(page), found["file"])


def test_every_metric_that_is_asked_for_is_one_that_the_server_has() -> None:
    source = (ROOT / "server/src/http/metrics.rs").read_text()
    asked = "".join(path.read_text() for path in [FILES / "dashboard.json", FILES / "alerts.yml"])
    asked += (ROOT / "docs/how-to/dashboard.md").read_text()
    names = set(re.findall(r"\bgatekeeper_\w+", asked))
    assert len(names) >= 8
    for name in names:
        assert name.removesuffix("_bucket") in source, name


def test_the_dashboard_is_one() -> None:
    dashboard = json.loads((FILES / "dashboard.json").read_text())
    assert all(target["expr"] for panel in dashboard["panels"] for target in panel["targets"])
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])


OUTCOMES = {"key": "KEY", "none": "401", "two": "401: two that differ"}


def rows_of_credentials() -> list[str]:
    cases = json.loads((ROOT / "tests/cases/credentials.json").read_text())["cases"]
    rows = []
    for case in cases:
        headers = (f"`{name}: {json.dumps(value, ensure_ascii=False)}`" for name, value in case["headers"])
        without_scheme = OUTCOMES[case.get("withoutScheme", case["expect"])]
        rows.append(f"| {' + '.join(headers) or 'none'} | {OUTCOMES[case['expect']]} | {without_scheme} |")
    return rows


def rows_of_addresses() -> list[str]:
    cases = json.loads((ROOT / "tests/cases/client-addresses.json").read_text())["cases"]
    read = (f"`{case['address']}`" if case["address"] else "the proxy's" for case in cases)
    return [
        f"| `{json.dumps(case['value'], ensure_ascii=False)}` | {each} |"
        for case, each in zip(cases, read, strict=True)
    ]


@pytest.mark.parametrize(
    ("heading", "rows"), [("Credentials", rows_of_credentials), ("Client addresses", rows_of_addresses)]
)
def test_the_tables_of_credentials_and_addresses_are_those_that_tests_send(
    heading: str, rows: Callable[[], list[str]]
) -> None:
    page = (ROOT / "docs/reference/credentials.md").read_text()
    part = page.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    assert [line for line in part.splitlines() if line.startswith("| ")][1:] == rows()


def test_the_readme_shows_the_figures_of_the_last_measurement_and_no_others() -> None:
    subprocess.run([sys.executable, "-m", "bench.readme", "--check"], cwd=ROOT, check=True)
    written = re.sub(
        r"<!-- bench:(\w+) -->.*?<!-- bench:\1 end -->", "", (ROOT / "README.md").read_text(), flags=re.DOTALL
    )
    assert re.findall(r"\d (?:ns|µs|ms|MB)\b(?! at)", written.split("## Measured")[1]) == []
