"""What the documentation says of the repository: its links, files, commands, metrics and tables are right."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from pages import PAGES, ROOT, blocks_of, named, quoted_in

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FILES = ROOT / "docs/how-to/files"
LINK = re.compile(r"\[[^\]]*\]\((?P<target>[^)\s]+)\)")
# A path of the repository, in code.
SOURCE = re.compile(
    r"`(?P<path>(?:core|server|gen|tests|bindings-node|bindings-python|bench|demo|docs|scripts|\.github|\.ci)/[\w./-]*)`"
)


def headings(page: Path) -> set[str]:
    """Return the headings of a page, as GitHub names them in links."""
    lines = [line for line in without_code(page.read_text()).splitlines() if line.startswith("#")]
    plain = (re.sub(r"[^\w\s-]", "", line.lstrip("#").strip().lower()) for line in lines)
    names = [text.replace(" ", "-") for text in plain]
    return {f"{name}-{names[:at].count(name)}" if name in names[:at] else name for at, name in enumerate(names)}


def without_code(text: str) -> str:
    """Return a page without its blocks of code, and its inline code without the marks."""
    return re.sub(r"`([^`\n]*)`", r"\1", re.sub(r"^ *```.*?^ *```$", "", text, flags=re.DOTALL | re.MULTILINE))


def without_inline_code(text: str) -> str:
    return re.sub(r"`[^`\n]*`", "`", re.sub(r"^ *```.*?^ *```$", "", text, flags=re.DOTALL | re.MULTILINE))


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_link_leads_somewhere(page: Path) -> None:
    for link in LINK.finditer(without_inline_code(page.read_text())):
        target, _, heading = link["target"].partition("#")
        if "://" in target:
            continue
        there = (page.parent / target).resolve() if target else page
        assert there.exists(), link[0]
        if heading:
            assert there.suffix == ".md", link[0]
            assert heading in headings(there), link[0]


@pytest.mark.parametrize("page", [page for page in PAGES if page.name != "CHANGELOG.md"], ids=named)
def test_every_path_of_the_repository_that_a_page_names_exists(page: Path) -> None:
    for found in SOURCE.finditer(page.read_text()):
        assert (ROOT / found["path"]).exists(), found["path"]


def test_every_file_that_a_page_quotes_is_quoted_as_it_is() -> None:
    quoted = [(page, file, text) for page in PAGES for file, text in quoted_in(page).items()]
    assert len(quoted) >= 12
    for page, file, text in quoted:
        assert (page.parent / file).read_text().rstrip() == text, (named(page), file)


def test_the_operation_that_contributing_shows_is_the_one_in_the_source() -> None:
    [shown] = blocks_of(ROOT / "CONTRIBUTING.md", "rust")
    assert shown.text in (ROOT / "core/src/operation/tenants/create.rs").read_text()


def test_every_test_that_contributing_runs_is_there() -> None:
    part = (ROOT / "CONTRIBUTING.md").read_text().partition("\n## Run one test\n")[2].partition("\n## ")[0]
    for file in re.findall(r"tests/\w+/[\w.]+\.(?:py|mjs)", part):
        assert (ROOT / file).exists(), file
    for name in re.findall(r"--test (\w+)", part):
        assert (ROOT / f"tests/rust/tests/{name}.rs").exists(), name


def test_every_metric_that_is_asked_for_is_one_that_the_server_has() -> None:
    source = (ROOT / "server/src/http/metrics.rs").read_text()
    asked = "".join(path.read_text() for path in [FILES / "dashboard.json", FILES / "alerts.yml"])
    asked += (ROOT / "docs/how-to/dashboard.md").read_text()
    names = set(re.findall(r"\bgatekeeper_\w+", asked))
    assert len(names) >= 8
    for name in names:
        assert name.removesuffix("_bucket") in source, name


def test_every_database_error_that_the_reference_explains_is_one_of_the_engine() -> None:
    page = (ROOT / "docs/key-manager.md").read_text()
    part = page.partition("\n## Database errors\n")[2].partition("\n## ")[0]
    rows = [line.split("|")[1] for line in part.splitlines() if line.startswith("| ")][1:]
    sources = ("store/driver/sqlite/error.rs", "ipc/error.rs", "ipc/segment_file.rs", "deadline.rs")
    source = "".join((ROOT / "core/src" / name).read_text() for name in sources)
    assert len(rows) >= 15
    for message in (message for row in rows for message in re.split(r";|…|`PATH-shared`:?", row)):
        assert message.strip() in source, message


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
    for page, start in (("README.md", "## Measured"), ("docs/measurements.md", "# Measurements")):
        text = (ROOT / page).read_text()
        written = re.sub(r"<!-- bench:(\w+) -->.*?<!-- bench:\1 end -->", "", text, flags=re.DOTALL)
        assert re.findall(r"\d (?:ns|µs|ms|MB)\b(?! at)", written.split(start)[1]) == []
