"""The files around the code say the same thing as each other."""

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from app import __version__
from app.settings import COQUI_ACCEPTANCE, Settings
from tests.support.settings import variable_names

ROOT = Path(__file__).parents[2]
# A person's home on the machine where a file was written.
MACHINE_PATH = re.compile(r"(?<![\w.])/(?:root|home/[\w.-]+|Users/[\w.-]+)/")
# Where one machine takes its packages from.
PACKAGE_SOURCE = re.compile(r"https?://[^\s)\"'>]+/simple\b|--(?:extra-)?index-url[= ]\S*://|--find-links[= ]\S*/")


def check_steps() -> list[str]:
    found = re.search(r"^CHECKS := (.+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert found
    return found[1].split()


def project_files() -> list[Path]:
    """Files that are tracked or that `git add .` would add."""
    if not (ROOT / ".git").exists():
        pytest.skip("no git checkout: cannot tell the project's files from others")
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return [path for name in listing.split("\0") if name and (path := ROOT / name).is_file()]


def test_compose_passes_on_every_setting() -> None:
    service = yaml.safe_load((ROOT / "compose.yaml").read_text())["x-chorus"]
    assert {*service["environment"]} == {*variable_names(), COQUI_ACCEPTANCE}


def test_the_version_is_the_newest_in_the_changelog() -> None:
    released = re.findall(r"^## \[(\d[^\]]*)\] - \d{4}-\d{2}-\d{2}$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert released
    assert released[0] == __version__


def test_pre_commit_runs_the_steps_of_make_check_under_their_names() -> None:
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    hooks = [hook for repo in config["repos"] for hook in repo["hooks"]]
    assert [(hook["id"], hook["name"], hook["entry"]) for hook in hooks] == [
        (step, step, f"make {step}") for step in check_steps()
    ]


def test_ci_runs_every_check_and_every_test() -> None:
    targets = {
        target
        for line in re.findall(r"^make (.+)$", (ROOT / ".ci/run").read_text(), re.MULTILINE)
        for target in line.split()
    }
    assert "test" in targets  # it runs the tests of check-tests and of check-engine too
    assert {*check_steps()} - {"check-tests", "check-engine"} <= targets


def test_every_make_task_is_explained_by_make_help() -> None:
    makefile = (ROOT / "Makefile").read_text()
    tasks = re.findall(r"^([a-z][a-z-]*):(?!=)(.*)$", makefile, re.MULTILINE)
    assert len(tasks) > 8
    assert [name for name, rest in tasks if " ## " not in rest] == []


def test_no_file_names_the_machine_it_was_written_on() -> None:
    found: list[str] = []
    for path in project_files():
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue  # not text
        found += [
            f"{path.relative_to(ROOT)}:{number}: {line.strip()[:80]}"
            for number, line in enumerate(text.splitlines(), start=1)
            if MACHINE_PATH.search(line) or PACKAGE_SOURCE.search(line)
        ]
    assert found == []


def test_the_proxy_waits_as_long_for_an_answer_as_the_longest_recording_plays() -> None:
    """A whole transcript has no byte before its end."""
    (hours,) = re.findall(r"^ +timeout server (\d+)h$", (ROOT / "docker/haproxy.cfg").read_text(), re.MULTILINE)
    assert 3600 * int(hours) >= Settings().max_recording_s
