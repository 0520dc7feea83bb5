"""The rules and dashboards of docker/observability read metrics that the server exports, and agree with each other."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
import yaml
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

from app.engine.base import DeviceMemory
from app.settings import Settings
from tests.support.fake_engine import FakeEngine
from tests.support.fake_recognizer import FakeRecognizer
from tests.support.server import RunningServer, serve

FOLDER = Path(__file__).parents[2] / "docker/observability"
GRAFANA = FOLDER / "grafana"
# What Prometheus itself adds to what it scrapes.
PROMETHEUS_METRICS = {"up"}
PROMETHEUS_LABELS = {"job", "instance"}
SUFFIXES = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count")}
GROUPING = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)")


def load_yaml(path: Path) -> Any:
    return yaml.safe_load(path.read_text())


def dashboards() -> dict[str, Any]:
    return {path.name: json.loads(path.read_text()) for path in (GRAFANA / "dashboards").glob("*.json")}


def values_of(key: str, node: Any) -> Iterator[Any]:
    """Every value of `key` in a tree of dictionaries and lists."""
    if isinstance(node, dict):
        for name, value in node.items():
            if name == key:
                yield value
            yield from values_of(key, value)
    elif isinstance(node, list):
        for value in node:
            yield from values_of(key, value)


def expressions() -> dict[str, str]:
    """The PromQL expressions, by the place where they stand."""
    found = {
        f"{name} {panel['title']} {target['refId']}": target["expr"]
        for name, dashboard in dashboards().items()
        for panel in dashboard["panels"]
        for target in panel["targets"]
    }
    for group in load_yaml(FOLDER / "alerts.yml")["groups"]:
        found |= {f"alerts.yml {rule['alert']}": rule["expr"] for rule in group["rules"]}
    return found


def metric_names(expression: str) -> set[str]:
    """The names in a PromQL expression that are neither functions, labels, durations nor operators."""
    bare = re.sub(r'"[^"]*"|\{[^}]*\}|\[[^\]]*\]', "", GROUPING.sub("", expression))
    return set(re.findall(r"\b[a-zA-Z_:][\w:]*\b(?!\s*\()", bare)) - {"and", "or", "unless", "bool", "offset"}


def label_names(expression: str) -> set[str]:
    grouped = {name.strip() for names in GROUPING.findall(expression) for name in names.split(",")}
    return grouped | set(re.findall(r'(\w+)\s*(?:=~|!~|!=|=)\s*"', expression))


@pytest.fixture
def full_server(tmp_path: Path) -> Iterator[RunningServer]:
    """With a recogniser, whose metrics a server without one leaves out."""
    with serve(Settings(data=tmp_path), FakeEngine, make_recognizer=FakeRecognizer) as server:
        yield server


def exported(server: RunningServer) -> list[Metric]:
    """The metrics of an app that has answered one request, so that the labelled ones have their labels.

    Its engine is on a device of its own, as one on a GPU is.
    """
    cast("FakeEngine", server.engine).device_memory = DeviceMemory(allocated=1, reserved=2, limit=3)
    with server.client() as client:
        assert client.post("/tts", json={"text": "Hello there."}).status_code == 200
        for _ in range(2000):  # the request is counted a moment after its answer has arrived
            families = list(text_string_to_metric_families(client.get("/metrics").text))
            if any(family.samples for family in families if family.name == "chorus_requests"):
                return families
    raise AssertionError("the request was never counted")


def test_every_metric_and_label_that_is_asked_for_is_exported(full_server: RunningServer) -> None:
    families = exported(full_server)
    names = PROMETHEUS_METRICS | {
        family.name + suffix for family in families for suffix in SUFFIXES.get(family.type, ("",))
    }
    labels = PROMETHEUS_LABELS | {label for family in families for each in family.samples for label in each.labels}
    unknown = {where: metric_names(expression) - names for where, expression in expressions().items()}
    assert {where: missing for where, missing in unknown.items() if missing} == {}
    unknown = {where: label_names(expression) - labels for where, expression in expressions().items()}
    assert {where: missing for where, missing in unknown.items() if missing} == {}
    legends = {label for text in values_of("legendFormat", dashboards()) for label in re.findall(r"{{(\w+)}}", text)}
    assert legends <= labels


def test_every_expression_is_read_as_prometheus_reads_it() -> None:
    """Guards the test above: a reader that finds nothing would always agree."""
    assert all(metric_names(expression) for expression in expressions().values())
    expression = 'sum by (route, le) (rate(a_bucket{job="b", code!="c"}[5m])) / on (d) e > 0.5 or absent(f)'
    assert metric_names(expression) == {"a_bucket", "e", "f"}
    assert label_names(expression) == {"route", "le", "job", "code", "d"}


def test_every_metric_of_ours_is_watched(full_server: RunningServer) -> None:
    """A metric that nobody looks at is cost without use."""
    watched = {name for expression in expressions().values() for name in metric_names(expression)}
    ours = [family for family in exported(full_server) if family.name.startswith("chorus_")]
    unwatched = {
        family.name
        for family in ours
        if not watched & {family.name + suffix for suffix in SUFFIXES.get(family.type, ("",))}
    }
    assert unwatched == set()


def test_prometheus_finds_every_replica_and_the_rules() -> None:
    config = load_yaml(FOLDER / "prometheus.yml")
    assert [FOLDER / name for name in config["rule_files"]] == [FOLDER / "alerts.yml"]
    (job,) = config["scrape_configs"]
    assert job["job_name"] == "chorus"
    (discovery,) = job["dns_sd_configs"]
    assert (discovery["names"], discovery["type"], discovery["port"]) == (["chorus"], "A", 8000)


def test_expressions_ask_for_the_job_that_prometheus_scrapes() -> None:
    asked = {job for expression in expressions().values() for job in re.findall(r'job="([^"]*)"', expression)}
    assert asked == {job["job_name"] for job in load_yaml(FOLDER / "prometheus.yml")["scrape_configs"]}


def test_every_panel_asks_the_datasource_that_is_provisioned() -> None:
    (datasource,) = load_yaml(GRAFANA / "provisioning/datasources/prometheus.yml")["datasources"]
    asked = list(values_of("datasource", dashboards()))
    assert asked
    assert all(each == {"type": datasource["type"], "uid": datasource["uid"]} for each in asked)


def test_the_dashboard_provider_reads_the_folder_of_dashboards() -> None:
    """/etc/grafana of the container holds what lies in the grafana folder here."""
    (provider,) = load_yaml(GRAFANA / "provisioning/dashboards/chorus.yml")["providers"]
    inside = Path(provider["options"]["path"]).relative_to("/etc/grafana")
    assert list((GRAFANA / inside).glob("*.json"))


@pytest.mark.parametrize(("name", "dashboard"), dashboards().items())
def test_panels_have_titles_units_and_places_of_their_own(name: str, dashboard: dict[str, Any]) -> None:
    panels = dashboard["panels"]
    assert dashboard["uid"] == name.removesuffix(".json")
    for key in ("id", "title", "description"):
        assert len({panel[key] for panel in panels}) == len(panels)
    assert all(panel["fieldConfig"]["defaults"]["unit"] for panel in panels)
    cells = [
        (panel["gridPos"]["x"] + column, panel["gridPos"]["y"] + row)
        for panel in panels
        for column in range(panel["gridPos"]["w"])
        for row in range(panel["gridPos"]["h"])
    ]
    assert len(set(cells)) == len(cells)
    assert max(column for column, _ in cells) < 24


def test_every_alert_says_what_to_do() -> None:
    rules = [rule for group in load_yaml(FOLDER / "alerts.yml")["groups"] for rule in group["rules"]]
    assert len({rule["alert"] for rule in rules}) == len(rules)
    assert all(rule["labels"]["severity"] in ("warning", "critical") for rule in rules)
    assert [rule["alert"] for rule in rules if rule["annotations"]["summary"].count(". ") < 1] == []


def test_the_table_of_metrics_is_what_the_server_exports(full_server: RunningServer) -> None:
    text = (FOLDER.parents[1] / "docs/observability.md").read_text()
    table = re.findall(r"^\| `(chorus_\w+)`(?: by (.*?))? \| (\w+) \|", text, re.MULTILINE)
    described = {name: (kind, set(re.findall(r"`(\w+)`", labels))) for name, labels, kind in table}
    found = {
        family.name + {"counter": "_total", "info": "_info"}.get(family.type, ""): (
            family.type,
            {label for sample in family.samples for label in sample.labels} - {"le"},
        )
        for family in exported(full_server)
        if family.name.startswith("chorus_")
    }
    assert described == found
    assert len(described) == len(table)
