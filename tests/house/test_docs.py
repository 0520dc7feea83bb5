"""Documents name files that exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
FOLDERS = "app|docker|docs|modal_deploy|requirements|tests"
NAMED = re.compile(rf"(?<![\w/.-])(?:{FOLDERS})/(?:[\w.-]+/)*(?:[\w.-]*\w)?")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_path_that_a_document_names_exists(document: Path) -> None:
    missing = [name for name in NAMED.findall(document.read_text()) if not (ROOT / name).exists()]
    assert missing == []


def test_the_architecture_page_names_every_folder_of_the_app() -> None:
    named = set(NAMED.findall((ROOT / "docs/architecture.md").read_text()))
    folders = {f"app/{path.name}/" for path in (ROOT / "app").iterdir() if (path / "__init__.py").is_file()}
    assert folders - named == set()


def test_every_decision_has_a_number_of_its_own() -> None:
    headings = [
        heading
        for path in (ROOT / "docs/decisions").glob("*.md")
        if path.name != "README.md"
        for heading in re.findall(r"^## (.+)$", path.read_text(), re.MULTILINE)
    ]
    numbers = [number for heading in headings for number in re.findall(r"\d+", heading.partition(". ")[0])]
    assert all(re.match(r"\d+(, \d+)*\. ", heading) for heading in headings)
    assert len(numbers) == len(set(numbers))


def test_every_decision_says_one_thing_once() -> None:
    """Merges that keep both sides of a rewritten entry leave it twice."""
    repeated = [
        entry.partition("\n")[0]
        for path in (ROOT / "docs/decisions").glob("*.md")
        for entry in path.read_text().split("\n## ")
        if any(entry.count(f"\n- {label}: ") > 1 for label in ("Rejected", "Evidence", "Would change"))
    ]
    assert repeated == []
