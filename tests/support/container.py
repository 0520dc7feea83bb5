"""Containers as users run them: read-only, without capabilities, on a volume, behind a published port."""

import contextlib
import json
import os
import secrets
import signal
import subprocess
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx

from tests.support.server import wait_until_ok

# Read by testcontainers when it is imported. Its helper container would be one more image to pull.
os.environ.setdefault("TESTCONTAINERS_RYUK_DISABLED", "true")
os.environ.setdefault("TESTCONTAINERS_CONNECTION_MODE", "docker_host")
os.environ.setdefault("TESTCONTAINERS_HOST_OVERRIDE", "127.0.0.1")

from testcontainers.core.container import DockerContainer

ROOT = Path(__file__).parents[2]
PORT = 8000
HARDENED = {"read_only": True, "cap_drop": ["ALL"], "security_opt": ["no-new-privileges"], "pids_limit": 1024}


def docker(*arguments: str, check: bool = True, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["docker", *arguments],
        cwd=ROOT,
        env=os.environ | {"DOCKER_BUILDKIT": "1"} | environ,
        capture_output=True,
        text=True,
        timeout=1800,
        check=check,
    )


class RunningContainer:
    def __init__(self, container: Any) -> None:
        self.container = container  # Any: docker's own class, whose types are loose

    @property
    def id(self) -> str:
        return self.container.id

    @property
    def url(self) -> str:
        self.container.reload()
        return f"http://127.0.0.1:{self.container.ports[f'{PORT}/tcp'][0]['HostPort']}"

    @property
    def state(self) -> dict[str, Any]:
        return json.loads(docker("inspect", "--format", "{{json .State}}", self.id).stdout)

    @property
    def logs(self) -> str:
        return self.container.logs().decode()

    def client(self) -> httpx.Client:
        return httpx.Client(base_url=self.url, timeout=60)

    def get(self, path: str) -> Any:
        with self.client() as client:
            return client.get(path).json()

    def wait_until(self, what: str, wanted: object) -> None:
        """Until `State[what]` is `wanted`; looks 600 times at most, 0.1 s apart. `Health` is its status."""
        state: dict[str, Any] = {}
        for _ in range(600):
            state = self.state
            if (state[what]["Status"] if what == "Health" else state[what]) == wanted:
                return
            threading.Event().wait(0.1)
        raise AssertionError(f"{what} never became {wanted!r}: {state}\n{self.logs}")

    def exit_status(self) -> int | None:
        """None while the container runs."""
        state = self.state
        return None if state["Running"] else state["ExitCode"]

    def ended(self) -> tuple[int, str]:
        """Exit status and log of a container that ends by itself."""
        return self.container.wait(timeout=60)["StatusCode"], self.logs


@contextlib.contextmanager
def container(
    image: str,
    *command: str,
    volume: str | None = None,
    mounts: Sequence[tuple[Path, str]] = (),
    environ: dict[str, str] | None = None,
    **options: Any,
) -> Iterator[RunningContainer]:
    """`docker run`, hardened as in compose.yaml. `mounts` are read-only; `options` are those of docker's SDK."""
    made = DockerContainer(image, command=list(command) or None, env=environ or {})
    if "network_mode" not in options:
        made.with_exposed_ports(PORT)
    made.with_tmpfs_mount("/tmp", "size=64m")  # noqa: S108 - of the container
    made.with_kwargs(**HARDENED | options)
    if volume is not None:
        made.with_volume_mapping(volume, "/data", "rw")
    for source, target in mounts:
        made.with_volume_mapping(str(source), target, "ro")
    with made:
        yield RunningContainer(made.get_wrapped_container())


@contextlib.contextmanager
def server(image: str, **options: Any) -> Iterator[RunningContainer]:
    """A container whose /health is ok."""
    with container(image, **options) as running:
        try:
            wait_until_ok(running.url, running.exit_status)
        except (AssertionError, LookupError) as error:  # LookupError: a container that has ended has no port
            raise AssertionError(f"{error!r}\n{running.logs}") from None
        yield running


@contextlib.contextmanager
def new_volume() -> Iterator[str]:
    name = f"chorus-test-{secrets.token_hex(6)}"
    docker("volume", "create", name)
    try:
        yield name
    finally:
        docker("volume", "rm", "--force", name)


class Project:
    """`docker compose` with a file of ours, under a name of its own, on a free port."""

    def __init__(self, image: str, *files: str) -> None:
        self.name = f"chorus-test-{secrets.token_hex(6)}"
        self._files = [part for file in files for part in ("--file", file)]
        # without the .env of the person who tests
        self._environ = {"IMAGE": image, "CHORUS_PORT": "0", "COMPOSE_DISABLE_ENV_FILE": "1"}

    def __call__(self, *arguments: str, check: bool = True, **environ: str) -> subprocess.CompletedProcess[str]:
        return docker(
            "compose", "--project-name", self.name, *self._files, *arguments, check=check, **self._environ | environ
        )

    def containers(self, service: str) -> list[str]:
        """Ids, also of those that have ended."""
        return self("ps", "--all", "--quiet", service).stdout.split()

    def url(self, service: str = "chorus") -> str:
        return f"http://{self('port', service, str(PORT)).stdout.strip()}"


@contextlib.contextmanager
def project(image: str, *files: str) -> Iterator[Project]:
    """Removes everything of the project at the end, volumes too."""
    made = Project(image, *files)
    try:
        yield made
    finally:
        made("--profile", "*", "down", "--volumes", "--remove-orphans", "--timeout", "5")


CPU = "docker/compose.cpu.yaml"


def kill(image: str, pid: int) -> None:
    """kill -9, by a container that sees the host's processes: the test itself may not be root."""
    script = f"import os; os.kill({pid}, {int(signal.SIGKILL)})"
    docker("run", "--rm", "--pid", "host", "--user", "0", image, "python", "-c", script)


def output(image: str, *command: str, **options: object) -> str:
    with container(image, *command, **options) as running:
        status, logs = running.ended()
    assert status == 0, logs
    return logs.strip()
