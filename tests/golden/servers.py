"""The two servers of the corpus, in processes of their own.

Nothing of the app is imported here, so the corpus can be recorded from one commit and compared with another.
"""

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import msgspec

from tests.support.ports import free_port


class Server(msgspec.Struct, frozen=True):
    """A running server. Ports are on 127.0.0.1."""

    name: str
    port: int
    wyoming_port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextlib.contextmanager
def running(name: str, data: Path, **environ: str) -> Iterator[Server]:
    """`chorus serve` with the settings `environ`; yields when `/health` answers 200."""
    server = Server(name, free_port(), free_port())
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("CHORUS_")}
    settings = {
        "CHORUS_PORT": str(server.port),
        "CHORUS_WYOMING_PORT": str(server.wyoming_port),
        "CHORUS_DATA": str(data),
        "CHORUS_MAX_TEXT_CHARS": "2000",
    }
    log = data.with_suffix(".log").open("wb")
    process = subprocess.Popen(
        [sys.executable, "-m", "app", "serve"], env=inherited | settings | environ, stdout=log, stderr=log
    )
    try:
        _wait_until_ok(server, process)
        yield server
    finally:
        process.terminate()
        process.wait(60)
        log.close()


def _wait_until_ok(server: Server, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 180
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise SystemExit(f"the {server.name} server ended with status {process.returncode}")
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(f"{server.url}/health", timeout=10).status_code == 200:
                return
        time.sleep(0.1)
    raise SystemExit(f"the {server.name} server was not ready within 180 s")


def write_checkpoint(folder: Path) -> Path:
    """The tiny XTTS checkpoint, kept beside the corpus: both runs must speak with the same weights."""
    if not (folder / "model.pth").is_file():
        subprocess.run([sys.executable, "-m", "tests.support.tiny_xtts", str(folder)], check=True)
    return folder
