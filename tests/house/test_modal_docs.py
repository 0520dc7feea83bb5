"""docs/modal.md is code: its settings, costs and commands are the adapter's."""

import re
from pathlib import Path

from modal_deploy.cost import HOURS_PER_MONTH, Rate, cost_table
from modal_deploy.deployment import Deployment
from tests.support.documents import items
from tests.support.settings import list_settings

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs/modal.md").read_text()


def test_the_list_of_settings_is_the_settings() -> None:
    section = TEXT.partition("## Settings")[2].partition("\n## ")[0]
    assert items(section) == list_settings(Deployment, "DEPLOY_")


def test_the_costs_are_those_that_the_command_prints() -> None:
    rate = Rate(gpu="T4", cores=2, memory_gib=8)
    words = " ".join(TEXT.split())
    _, (factor, at_20, at_50, at_80) = cost_table(rate.per_million_chars, factors=(0.1,))
    assert f"cost {at_20} where a container speaks in 20%" in words
    assert f"{at_50} in 50%, {at_80} in 80%, at a real-time factor of {factor}" in words
    _, (factor, at_20, at_50, at_80) = cost_table(rate.per_hour_transcribed, factors=(0.1,))
    assert f"an hour of recordings costs {at_20}, {at_50} or {at_80} at a factor of {factor}" in words
    assert f"costs ${rate.per_month:.0f} a month ({HOURS_PER_MONTH} hours at ${rate.per_s * 3600:.2f})" in TEXT


def test_ten_steps_lead_to_a_url_by_commands_that_exist() -> None:
    steps = TEXT.partition("## From an account")[2].partition("\n## ")[0]
    assert re.findall(r"^(\d+)\. ", steps, re.MULTILINE) == [str(number) for number in range(1, 11)]
    adapter = (ROOT / "modal_deploy/app.py").read_text()
    commands = set(re.findall(r"def (\w+)\(", adapter)) - {"prepare", "start", "web", "find_url"}
    assert set(re.findall(r"modal run -m modal_deploy\.app::(\w+)", TEXT)) == commands
    assert "requirements/modal.txt" in steps
    assert (ROOT / "requirements/modal.txt").is_file()
    assert (ROOT / ".github/deploy.env").is_file()
