"""A data volume that is full, and one that is read-only: what is saved is refused, what is spoken goes on."""

import contextlib
import os
import resource
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from tests.chaos.attack import Tally
from tests.chaos.recordings import voice, wav
from tests.chaos.scenarios.scenario import Place, Scenario
from tests.chaos.server import Server, running
from tests.chaos.target import exchange, head, post_files, post_json

SIZE = "1m"


async def fill_the_disk(place: Place, tally: Tally) -> None:
    async with _small_volume(place) as server:
        await _save(server, tally, seed=1, expected={"201"})
        with _full(server, place):
            for seed in (2, 3):
                await _save(server, tally, seed=seed, expected={"507"})
            await _speak(server, tally)
        await _save(server, tally, seed=4, expected={"201"})
        with _read_only(server, place) as is_read_only:
            if is_read_only:
                await _save(server, tally, seed=5, expected={"507"})
                saved = await exchange(server.target, [head(server.target, "GET", "/voices")])
                tally.take(saved)
                await _speak(server, tally)
        await _save(server, tally, seed=6, expected={"201"})


async def _save(server: Server, tally: Tally, *, seed: int, expected: set[str]) -> None:
    recording = wav(voice(3.0, seed=1000 + seed))
    files = [('; filename="a.wav"', recording)]
    fields = {"name": f"Voice {seed}", "consent": "This is my own voice."}
    answer = tally.take(
        await exchange(server.target, post_files(server.target, "/voices", files, **fields), limit_s=40)
    )
    if answer.status not in expected:
        tally.fault(f"saving voice {seed} is answered with {answer.status} instead of {min(expected)}")


async def _speak(server: Server, tally: Tally) -> None:
    answer = tally.take(await exchange(server.target, post_json(server.target, "/tts", text="Hi there."), limit_s=30))
    if answer.status != "200":
        tally.fault(f"speaking is answered with {answer.status}")


@contextlib.asynccontextmanager
async def _small_volume(place: Place) -> AsyncIterator[Server]:
    """A server whose data folder is a tmpfs of 1 MiB, in a mount namespace of its own: it ends with the server."""
    data = place.folder / "data"
    data.mkdir()
    wrapper: tuple[str, ...] = ()
    if can_mount():
        script = f'mount -t tmpfs -o size={SIZE},mode=700 tmpfs "$0" && exec "$@"'
        wrapper = (*_unshare(), "sh", "-c", script, str(data))
    settings = {"CHORUS_MODEL": str(place.checkpoint), "CHORUS_DATA": str(data)}
    async with running(place.folder, engine="xtts", tree=place.tree, wrapper=wrapper, **settings) as server:
        yield server


def _unshare() -> tuple[str, ...]:
    return ("unshare", "--mount") if os.geteuid() == 0 else ("unshare", "--map-root-user", "--mount")


def can_mount() -> bool:
    """True when this user may mount a tmpfs in a namespace of its own."""
    if shutil.which("unshare") is None or shutil.which("nsenter") is None:
        return False
    command = [*_unshare(), "mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", "/mnt"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


@contextlib.contextmanager
def _full(server: Server, place: Place) -> Iterator[None]:
    """Fill the tmpfs up; without one, let the server write no byte to any file (RLIMIT_FSIZE)."""
    if can_mount():
        filler = Path(f"/proc/{server.target.pid}/root") / (place.folder / "data" / "filler").relative_to("/")
        with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(4096))
        yield
        filler.unlink()
        return
    before = resource.prlimit(server.target.pid, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
    yield
    resource.prlimit(server.target.pid, resource.RLIMIT_FSIZE, before)


@contextlib.contextmanager
def _read_only(server: Server, place: Place) -> Iterator[bool]:
    """Yields whether the folder cannot be written now: for root, permissions alone do not do that."""
    data = place.folder / "data"
    if can_mount():
        enter = ["nsenter", "-t", str(server.target.pid), "-m"]
        if os.geteuid() != 0:
            enter += ["-U", "--preserve-credentials"]
        subprocess.run([*enter, "mount", "-o", "remount,ro", str(data)], check=True, capture_output=True)
        yield True
        subprocess.run([*enter, "mount", "-o", "remount,rw", str(data)], check=True, capture_output=True)
        return
    if os.geteuid() == 0:
        yield False
        return
    folders = [data, *(path for path in data.rglob("*") if path.is_dir())]
    for folder in folders:
        folder.chmod(0o555)
    yield True
    for folder in folders:
        folder.chmod(0o755)


SCENARIO = Scenario(
    name="a full and a read-only data volume refuse voices and go on speaking",
    sends="6 voices to save, 2 texts",
    run=fill_the_disk,
    expects=frozenset({"200", "201", "507"}),
    limit_s=90,
)
