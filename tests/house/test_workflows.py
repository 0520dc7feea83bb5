"""The workflows on GitHub call what exists. (Their own grammar is for `make check-workflows`.)"""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))


def load(path: Path) -> dict[Any, Any]:
    return yaml.safe_load(path.read_text())


def steps(path: Path) -> list[dict[str, Any]]:
    return [step for job in load(path)["jobs"].values() for step in job["steps"]]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_is_bounded_and_may_do_no_more_than_it_needs(path: Path) -> None:
    workflow = load(path)
    assert workflow["permissions"] == {"contents": "read"}
    assert all(job["timeout-minutes"] <= 90 for job in workflow["jobs"].values())
    assert "pull_request_target" not in workflow[True]  # YAML reads the key `on` as true


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_no_expression_stands_in_a_script(path: Path) -> None:
    """What somebody else named (a tag, a branch) would be run as code there; it goes by way of env."""
    assert [step["run"] for step in steps(path) if "${{" in step.get("run", "")] == []


def test_what_the_workflows_call_exists() -> None:
    tasks = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    arguments = set(re.findall(r"^ARG (\w+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE))
    called: set[str] = set()
    for path in WORKFLOWS:
        for step in steps(path):
            called |= set(re.findall(r"^make (?:--\S+ )*([a-z-]+)", step.get("run", ""), re.MULTILINE))
            for line in step.get("with", {}).get("build-args", "").splitlines():
                assert line.partition("=")[0] in arguments
    assert called
    assert called <= tasks
