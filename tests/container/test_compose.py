"""compose.yaml and its variants, as `docker compose` runs them."""

import json
import os
import re
import threading
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from app.settings import COQUI_ACCEPTANCE
from tests.support.container import CPU, ROOT, Project, RunningContainer, docker, kill, project
from tests.support.http import check
from tests.support.recordings import voice_like, wav
from tests.support.samples import sample_bytes
from tests.support.server import wait_until_ok
from tests.support.settings import variable_names
from tests.support.speaking import samples_of

EVERYWHERE = "0.0.0.0"  # noqa: S104 - in the container; the port is published on one address
REPLICAS = "docker/compose.replicas.yaml"


def inspect(id: str) -> Any:
    return json.loads(docker("inspect", id).stdout)[0]


def only(ids: list[str]) -> str:
    (id,) = ids
    return id


def running(id: str) -> RunningContainer:
    from testcontainers.core.docker_client import DockerClient

    return RunningContainer(DockerClient().client.containers.get(id))


def test_up_waits_until_it_speaks_and_a_crash_is_recovered(image: str) -> None:
    with project(image, CPU) as compose:
        compose("up", "--wait")
        spoken = httpx.post(f"{compose.url()}/tts", json={"text": "Hello there.", "seed": 1}, timeout=60)
        assert spoken.status_code == 200
        assert spoken.headers["X-Chorus-Engine"] == "embedded"
        id = only(compose.containers("chorus"))
        found = inspect(id)
        assert found["State"]["Health"]["Status"] == "healthy"
        host = found["HostConfig"]
        assert host["ReadonlyRootfs"]
        assert host["CapDrop"] == ["ALL"]
        assert host["SecurityOpt"] == ["no-new-privileges:true"]
        assert host["RestartPolicy"]["Name"] == "unless-stopped"
        assert host["PidsLimit"] == 1024
        assert host["Memory"] == 12 * 2**30
        assert {binding["HostIp"] for binding in found["NetworkSettings"]["Ports"]["8000/tcp"]} == {"127.0.0.1"}

        kill(image, found["State"]["Pid"])
        again = running(id)
        again.wait_until("Running", wanted=True)
        again.wait_until("Health", "healthy")
        assert inspect(id)["RestartCount"] == 1
        answer = httpx.post(f"{compose.url()}/tts", json={"text": "Hello there.", "seed": 1}, timeout=60)
        assert sample_bytes(answer.content) == sample_bytes(spoken.content)

        compose("stop")
        assert running(id).state["ExitCode"] == 0


def test_missing_weights_end_up_with_one_clear_line_and_nothing_is_restarted(image: str) -> None:
    with project(image, CPU) as compose:
        ended = compose("up", "--wait", check=False, CHORUS_ENGINE="xtts")
        assert ended.returncode != 0
        log = compose("logs", "--no-log-prefix", "check").stdout
        assert "CHORUS_ACCEPT_CPML=1" in log
        assert len(log.strip().splitlines()) == 1
        state = inspect(only(compose.containers("check")))
        assert (state["State"]["ExitCode"], state["RestartCount"]) == (1, 0)
        assert all(inspect(id)["State"]["Status"] == "created" for id in compose.containers("chorus"))


def test_fetch_asks_for_the_licence(image: str) -> None:
    with project(image, CPU) as compose:
        ended = compose("run", "--rm", "--no-TTY", "fetch", check=False)
        assert ended.returncode == 1
        assert "https://coqui.ai/cpml" in ended.stderr
        assert "CHORUS_ACCEPT_CPML=1" in ended.stderr
        # Accepted, it goes to the hub: here, to a port where nobody listens.
        nowhere = ("--env", "HF_ENDPOINT=http://127.0.0.1:9")
        ended = compose("run", "--rm", "--no-TTY", *nowhere, "fetch", "--accept-licence", check=False)
        assert ended.returncode == 1
        assert "CHORUS_ACCEPT_CPML" not in ended.stderr
        assert "Connection refused; try again" in ended.stderr


def test_without_the_nvidia_runtime_the_default_says_what_is_missing(image: str) -> None:
    if "nvidia" in docker("info", "--format", "{{json .Runtimes}}").stdout:
        pytest.skip("this engine has the NVIDIA runtime")
    with project(image, "compose.yaml") as compose:
        ended = compose("up", "--wait", check=False)
        assert ended.returncode != 0
        assert 'could not select device driver "nvidia"' in ended.stderr


@pytest.mark.parametrize("file", ["compose.yaml", CPU, REPLICAS])
def test_every_setting_of_the_shell_reaches_the_server(image: str, file: str) -> None:
    with project(image, file) as compose:
        services = yaml.safe_load(compose("config").stdout)["services"]
        for name in {"check", "chorus", "chorus-1"} & set(services):
            assert {*services[name]["environment"]} == {*variable_names(), COQUI_ACCEPTANCE}
        shown = yaml.safe_load(
            compose("config", CHORUS_MAX_QUEUE="3", CHORUS_HOST="127.0.0.2", CHORUS_PORT="81").stdout
        )
        chorus = shown["services"]["chorus"]
        assert chorus["environment"]["CHORUS_MAX_QUEUE"] == "3"
        assert (chorus["environment"]["CHORUS_HOST"], chorus["environment"]["CHORUS_PORT"]) == (EVERYWHERE, "8000")
        door = shown["services"].get("proxy", chorus)["ports"]
        assert [(port["host_ip"], port["published"]) for port in door] == [("127.0.0.2", "81")]


def test_settings_of_a_dot_env_file_reach_the_server_with_either_file(image: str, tmp_path: Path) -> None:
    for path in ("compose.yaml", CPU, "docker/without-gpu.yaml"):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text((ROOT / path).read_text())
    (tmp_path / ".env").write_text("CHORUS_MAX_QUEUE=3\nCHORUS_PORT=81\n")
    for file in ("compose.yaml", CPU):
        shown = docker("compose", "--file", str(tmp_path / file), "config").stdout
        chorus = yaml.safe_load(shown)["services"]["chorus"]
        assert chorus["environment"]["CHORUS_MAX_QUEUE"] == "3"
        assert chorus["environment"]["CHORUS_PORT"] == "8000"
        assert [port["published"] for port in chorus["ports"]] == ["81"]


def test_the_observability_profile_mounts_files_that_exist(image: str) -> None:
    with project(image, "compose.yaml") as compose:
        plain = yaml.safe_load(compose("config").stdout)["services"]
        services = yaml.safe_load(compose("--profile", "observability", "config").stdout)["services"]
    assert {*services} - {*plain} == {"prometheus", "grafana"}
    binds = [
        mount for name in ("prometheus", "grafana") for mount in services[name]["volumes"] if mount["type"] == "bind"
    ]
    assert len(binds) == 4
    for mount in binds:
        assert Path(mount["source"]).exists()
        assert mount["read_only"]
    provider = yaml.safe_load((ROOT / "docker/observability/grafana/provisioning/dashboards/chorus.yml").read_text())
    folder = provider["providers"][0]["options"]["path"]
    assert folder in [mount["target"] for mount in binds]


# --- several servers behind one port

ONLY_CPU = """
name: chorus
include:
  - project_directory: {root}
    path: [{root}/compose.yaml, {root}/docker/replicas.yaml, {overlay}]
"""
OVERLAY = """
services:
  check: &cpu
    environment: &environment {CHORUS_MODEL: /models/tiny, CHORUS_MAX_SLOTS: "1", CHORUS_MAX_QUEUE: "0"}
    volumes: &volumes ["CHECKPOINT:/models/tiny:ro"]
    deploy: {resources: {reservations: !reset null}}
  chorus:
    environment: *environment
    volumes: *volumes
    deploy: {resources: {reservations: !reset null}}
  chorus-1:
    environment: *environment
    volumes: *volumes
    deploy: {resources: {reservations: !reset null}}
"""
PROXY = """
FROM {base}
RUN apt-get update && apt-get install --yes --no-install-recommends haproxy && rm -rf /var/lib/apt/lists/*
USER nobody
"""


@pytest.fixture(scope="session")
def proxy_image(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The image that compose names, or where it cannot be pulled the distribution's own HAProxy."""
    named = re.search(r"PROXY_IMAGE:-([^}]+)", (ROOT / "docker/replicas.yaml").read_text())
    assert named
    if docker("pull", "--quiet", named[1], check=False).returncode == 0:
        return named[1]
    base = re.search(r"^ARG BASE_IMAGE=(.+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert base
    folder = tmp_path_factory.mktemp("proxy")
    (folder / "Dockerfile").write_text(PROXY.format(base=os.environ.get("BASE_IMAGE", base[1])))
    docker("build", "--tag", "chorus-test-proxy", str(folder))
    return "chorus-test-proxy"


def replica_urls(compose: Project) -> list[str]:
    """Addresses of the servers themselves, on the project's own network."""
    urls: list[str] = []
    for service in ("chorus", "chorus-1"):
        networks = inspect(only(compose.containers(service)))["NetworkSettings"]["Networks"]
        urls += [f"http://{network['IPAddress']}:8000" for network in networks.values()]
    return urls


def wait_until_free(urls: list[str]) -> None:
    """Until no server has a request; looks 300 times at most, 0.2 s apart."""
    load: list[int] = []
    for _ in range(300):
        load = [httpx.get(f"{url}/health", timeout=60).json()["in_flight"] for url in urls]
        if not any(load):
            return
        threading.Event().wait(0.2)
    raise AssertionError(f"requests of callers who left are still in flight: {load}")


def test_two_servers_behind_a_proxy_share_voices_work_and_the_door(
    image: str, proxy_image: str, checkpoint: Path, tmp_path: Path
) -> None:
    (tmp_path / "overlay.yaml").write_text(OVERLAY.replace("CHECKPOINT", str(checkpoint)))
    file = tmp_path / "compose.yaml"
    file.write_text(ONLY_CPU.format(root=ROOT, overlay=tmp_path / "overlay.yaml"))
    with project(image, str(file)) as compose:
        compose("up", "--wait", PROXY_IMAGE=proxy_image)
        door = compose.url("proxy")
        wait_until_ok(door)
        first, second = replica_urls(compose)
        wait_until_ok(second)

        # A voice that one has saved, the other has at once.
        files = {"reference_audio": ("a.wav", wav(voice_like(3)))}
        data = {"name": "Ada", "consent": "This is my own voice."}
        id = httpx.post(f"{first}/voices", data=data, files=files, timeout=60).json()["id"]
        body = {"text": "Hello there.", "speaker_id": id, "seed": 1}
        spoken = [httpx.post(f"{url}/tts", json=body, timeout=60) for url in (first, second, door)]
        assert len(samples_of(spoken[0])) > 5000
        assert len({sample_bytes(answer.content) for answer in spoken}) == 1

        # One request each and no queue: who is full hands on; when both are, the caller hears when to come back.
        # Far more audio than all sockets on the way can hold, so that it lasts as long as nobody reads.
        long = {"text": "Hello there my friend. " * 300, "stream": True, "seed": 1}
        with httpx.Client(base_url=door, timeout=60) as client, client.stream("POST", "/tts", json=long) as one:
            held = [one.iter_raw()]  # an iterator that is let go closes its connection
            next(held[0])  # it streams: the rest is still being made
            with client.stream("POST", "/tts", json=long) as two:
                held.append(two.iter_raw())
                next(held[1])
                load = [httpx.get(f"{url}/health", timeout=60).json()["in_flight"] for url in (first, second)]
                assert load == [1, 1]
                full = client.post("/tts", json=body)
                check(full, 503, "queue_full")
                assert full.headers["Retry-After"]
        wait_until_free([first, second])  # the callers have left, which servers and proxy notice in their own time

        # One is stopped: the other takes everything, and nobody hears of it.
        compose("stop", "chorus", PROXY_IMAGE=proxy_image)
        answers = [httpx.post(f"{door}/tts", json=body, timeout=60) for _ in range(3)]
        assert {sample_bytes(answer.content) for answer in answers} == {sample_bytes(spoken[0].content)}
        compose("stop", "chorus-1", PROXY_IMAGE=proxy_image)
        gone = httpx.post(f"{door}/tts", json=body, timeout=60)
        assert (gone.status_code, gone.json()["error"]["code"]) == (503, "unavailable")
        assert gone.headers["Retry-After"] == "5"
