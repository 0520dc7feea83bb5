"""The workflows on GitHub call what exists. (Their own grammar is for `make check-workflows`.)"""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from modal_deploy.deployment import load_deployment

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))


def load(path: Path) -> dict[Any, Any]:
    return yaml.safe_load(path.read_text())


def steps(path: Path) -> list[dict[str, Any]]:
    return [step for job in load(path)["jobs"].values() for step in job.get("steps", ())]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_is_bounded_and_may_do_no_more_than_it_needs(path: Path) -> None:
    workflow = load(path)
    assert workflow["permissions"] == {"contents": "read"}
    # A job that calls another workflow is bounded there.
    assert all(job["timeout-minutes"] <= 90 for job in workflow["jobs"].values() if "uses" not in job)
    assert "pull_request_target" not in workflow[True]  # YAML reads the key `on` as true


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_no_expression_stands_in_a_script(path: Path) -> None:
    """An expression in a script runs a stranger's words (a tag, a branch) as code; `env` passes them as data."""
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


def deploy_steps() -> dict[str, dict[str, Any]]:
    return {step["id"]: step for step in steps(ROOT / ".github/workflows/deploy.yml") if "id" in step}


def test_a_release_is_deployed_with_the_digest_that_it_pushed() -> None:
    job = load(ROOT / ".github/workflows/release.yml")["jobs"]["deploy"]
    assert job["uses"] == "./.github/workflows/deploy.yml"
    assert job["with"]["image"] == "${{ needs.image.outputs.name }}@${{ needs.image.outputs.digest }}"
    assert set(job["needs"]) == {"image", "release"}
    assert set(load(ROOT / ".github/workflows/deploy.yml")[True]) == {
        "workflow_call",
        "workflow_dispatch",
        "pull_request",
    }


def test_what_was_not_deployed_is_not_probed_and_what_failed_is_taken_back() -> None:
    found = deploy_steps()
    assert found["deploy"]["run"] == "modal deploy --strategy recreate -m modal_deploy.app"
    assert found["smoke"]["if"] == "steps.deploy.outcome == 'success'"
    condition = "always() && steps.deploy.outcome == 'success' && steps.smoke.outcome != 'success'"
    assert found["rollback"]["if"].startswith(condition)
    # A probe that hangs is a failure of its own, while there is time to go back.
    assert found["smoke"]["timeout-minutes"] < 30
    summary = steps(ROOT / ".github/workflows/deploy.yml")[-1]
    assert summary["if"].startswith("always()")
    assert "GITHUB_STEP_SUMMARY" in summary["run"]


def test_a_fork_never_meets_the_tokens() -> None:
    job = load(ROOT / ".github/workflows/deploy.yml")["jobs"]["deploy"]
    assert "github.event.pull_request.head.repo.full_name == github.repository" in job["if"]
    assert "contains(github.event.pull_request.labels.*.name, 'deploy')" in job["if"]
    secrets = {name for name, value in job["env"].items() if "secrets." in value}
    assert secrets == {"MODAL_TOKEN_ID", "MODAL_TOKEN_SECRET", "CHORUS_API_KEYS"}


def test_the_settings_of_the_deployment_are_settings() -> None:
    lines = (ROOT / ".github/deploy.env").read_text().splitlines()
    variables = dict(line.split("=", 1) for line in lines if not line.startswith("#"))
    assert variables
    assert "DEPLOY_IMAGE" not in variables
    load_deployment(variables | {"DEPLOY_IMAGE": f"ghcr.io/example/chorus@sha256:{'0' * 64}"})


def test_staging_finds_the_image_in_the_notes_that_a_release_writes() -> None:
    """Both sides are shell: the line that release.yml writes is read as deploy.yml reads it."""
    written = steps(ROOT / ".github/workflows/release.yml")[-1]["run"]
    template = re.search(r"printf '(.*?)' \"", written)
    assert template is not None
    line = template[1].replace("\\n", "\n").replace("%s@%s", "name@sha256:12") + "\n"
    read = next(step["run"] for step in steps(ROOT / ".github/workflows/deploy.yml") if "sed" in step.get("run", ""))
    command = re.search(r"sed -n '[^']*'", read)
    assert command is not None
    done = subprocess.run(command[0], shell=True, input=line, capture_output=True, text=True, check=True)  # noqa: S602
    assert done.stdout == "name@sha256:12\n"
