"""requirements/*.txt: complete, by hash, of one mind, and free of addresses."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
EXTRAS_OF = {"run": [], "test": ["test", "dev"], "xtts": ["xtts"], "asr": ["asr"], "c2pa": ["c2pa"], "modal": ["modal"]}
PARTS = {"torch": "xtts"}
"""A lock that is a part of another one: what the image installs first."""

every_lock = pytest.mark.parametrize("path", LOCKS, ids=lambda path: path.stem)


def entries(path: Path) -> list[str]:
    """One string for each locked package, its hashes included."""
    joined = path.read_text().replace("\\\n", " ")
    return [line for line in joined.splitlines() if line.strip() and not line.lstrip().startswith("#")]


def pins(path: Path) -> list[Requirement]:
    return [Requirement(entry.partition(" --hash")[0]) for entry in entries(path)]


def direct_requirements(lock: str) -> list[Requirement]:
    if lock == "build":
        return [Requirement(entry) for entry in PROJECT["build-system"]["requires"]]
    project = PROJECT["project"]
    extras = [entry for extra in EXTRAS_OF[lock] for entry in project["optional-dependencies"][extra]]
    return [Requirement(entry) for entry in project["dependencies"] + extras]


def test_every_extra_has_a_lock() -> None:
    locked = {extra for extras in EXTRAS_OF.values() for extra in extras}
    assert locked == set(PROJECT["project"]["optional-dependencies"])
    assert {path.stem for path in LOCKS} == {*EXTRAS_OF, *PARTS, "build", "uv"}


@every_lock
def test_a_lock_holds_no_address(path: Path) -> None:
    assert re.findall(r"https?://|file:|^\s*-.*", path.read_text().replace("    --hash=", ""), re.MULTILINE) == []


@every_lock
def test_every_locked_package_has_one_version_and_hashes(path: Path) -> None:
    assert entries(path)
    loose = [
        entry
        for entry in entries(path)
        if not re.fullmatch(r"[a-z0-9._-]+==[^\s;]+( ; [^\\]+?)?(\s+--hash=sha256:[0-9a-f]{64})+\s*", entry)
    ]
    assert loose == []


@pytest.mark.parametrize("lock", ["run", "build", "test", "xtts", "asr", "c2pa", "modal"])
def test_a_lock_holds_every_direct_dependency_in_a_version_that_fits(lock: str) -> None:
    pinned: dict[str, list[str]] = {}
    for pin in pins(ROOT / "requirements" / f"{lock}.txt"):
        pinned.setdefault(canonicalize_name(pin.name), []).extend(each.version for each in pin.specifier)
    unmet = [
        str(wanted)
        for wanted in direct_requirements(lock)
        if not any(version in wanted.specifier for version in pinned.get(canonicalize_name(wanted.name), []))
    ]
    assert unmet == [], "run `make lock`"


def test_any_two_locks_can_share_an_environment() -> None:
    versions: dict[str, dict[frozenset[str], list[str]]] = {}
    for path in LOCKS:
        by_name: dict[str, set[str]] = {}
        for pin in pins(path):
            by_name.setdefault(canonicalize_name(pin.name), set()).add(str(pin.specifier))
        for name, locked in by_name.items():
            versions.setdefault(name, {}).setdefault(frozenset(locked), []).append(path.stem)
    assert {name: locked for name, locked in versions.items() if len(locked) > 1} == {}


@pytest.mark.parametrize(("part", "whole"), PARTS.items())
def test_a_part_of_a_lock_says_what_the_whole_says(part: str, whole: str) -> None:
    in_part, in_whole = (set(entries(ROOT / "requirements" / f"{lock}.txt")) for lock in (part, whole))
    assert in_part <= in_whole, "run `make lock`"
