"""The section on systems names the Pythons that make takes and that are tested."""

import re
from pathlib import Path

import yaml

from app.http.openapi.document import AUDIO_ANSWER, EVERY_ANSWER

ROOT = Path(__file__).parents[2]
INSTALL = (ROOT / "docs/install.md").read_text()
HTTP = (ROOT / "docs/http.md").read_text()
MINORS = re.compile(r"\b3\.(\d\d)\b")


def section(title: str, text: str) -> str:
    found = re.search(rf"^## {title}\n(.*?)^## ", text, re.MULTILINE | re.DOTALL)
    assert found is not None, title
    return found[1]


def pythons_that_make_takes() -> list[str]:
    found = re.search(r"\(3, (\d+)\) <= sys.version_info\[:2\] <= \(3, (\d+)\)", (ROOT / "Makefile").read_text())
    assert found is not None
    return [f"3.{minor}" for minor in range(int(found[1]), int(found[2]) + 1)]


def test_the_section_on_systems_names_every_python_that_make_takes_and_no_other() -> None:
    wanted = pythons_that_make_takes()
    sentence, table = section("Systems", INSTALL).strip().split("\n\n")[:2]
    assert [f"3.{minor}" for minor in MINORS.findall(sentence)] == wanted
    assert {f"3.{minor}" for minor in MINORS.findall(table)} <= set(wanted)


def test_every_python_that_make_takes_is_tested_in_the_workflow_and_by_the_ci_script() -> None:
    workflow = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())
    assert workflow["jobs"]["test"]["strategy"]["matrix"]["python"] == pythons_that_make_takes()
    loop = re.search(r"^for version in (.+); do$", (ROOT / ".ci/run").read_text(), re.MULTILINE)
    assert loop is not None
    assert loop[1].split() == pythons_that_make_takes()


def test_the_table_of_headers_is_that_of_the_api_reference() -> None:
    rows = re.findall(r"^\| `([\w-]+)` \|", section("Response headers", HTTP), re.MULTILINE)
    assert sorted(rows) == sorted(EVERY_ANSWER + AUDIO_ANSWER)
