"""Modal's container around the app: its ASGI wrapper, a limit on requests at a time, and its volumes.

The wrapper is the real one of the installed library. It never sends `http.disconnect` after an answer, and a request
keeps its place until the app returns.
"""

import asyncio
import contextlib
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
from modal._runtime.asgi import asgi_app_wrapper
from modal._runtime.execution_context import _set_current_context_ids


class Answer(msgspec.Struct):
    status: int = 0
    headers: dict[str, str] = {}
    body: bytes = b""


class _DataIn:
    """The library's channel of a client's messages: its request, and then nothing."""

    def __init__(self) -> None:
        self.bodies: dict[str, bytes] = {}

    async def aio(self, function_call_id: str, attempt_token: str) -> AsyncIterator[dict[str, object]]:
        yield {"type": "http.request", "body": self.bodies[function_call_id], "more_body": False}
        await asyncio.Event().wait()


class _ContainerIo:
    def __init__(self) -> None:
        self.get_data_in = _DataIn()


class Container:
    """Serves an app as Modal's containers do, at most `max_inputs` requests at a time."""

    def __init__(self, app: Any, *, max_inputs: int) -> None:
        self._io = _ContainerIo()
        self._call, self._lifespan = asgi_app_wrapper(app, self._io)
        self._places = asyncio.Semaphore(max_inputs)
        self._num_calls = 0

    async def __aenter__(self) -> "Container":
        self._background = asyncio.create_task(self._lifespan.background_task())
        await self._lifespan.lifespan_startup()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._lifespan.lifespan_shutdown()
        self._background.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._background

    async def request(
        self, method: str, path: str, *, json: object = None, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> Answer:
        if json is not None:
            body, headers = msgspec.json.encode(json), {"content-type": "application/json"} | (headers or {})
        self._num_calls += 1
        call = f"fc-{self._num_calls}"
        self._io.get_data_in.bodies[call] = body
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "https",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "root_path": "",
            "headers": [(name.encode(), value.encode()) for name, value in (headers or {}).items()]
            + [(b"content-length", str(len(body)).encode())],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 443),
        }
        answer = Answer()
        async with self._places:
            forget = _set_current_context_ids([f"in-{call}"], [call], [f"at-{call}"])
            try:
                async for message in self._call(scope):
                    if message["type"] == "http.response.start":
                        answer.status = message["status"]
                        answer.headers = {name.decode(): value.decode() for name, value in message["headers"]}
                    else:
                        answer.body += message.get("body", b"")
            finally:
                forget()
        return answer


class FakeVolume:
    """A volume as one container sees it, with `commit` and `reload`."""

    def __init__(self, shared: Path, view: Path) -> None:
        self._shared = shared
        self._view = view
        self.broken: str | None = None
        self.num_commits = self.num_reloads = 0
        self._view.mkdir(parents=True, exist_ok=True)
        self._shared.mkdir(parents=True, exist_ok=True)

    async def commit(self) -> None:
        self.num_commits += 1
        self._copy(self._view, self._shared)

    async def reload(self) -> None:
        self.num_reloads += 1
        if open_files := [path for path in _open_paths() if f"{path}/".startswith(f"{self._view}/")]:
            raise RuntimeError(f"there are open files preventing the operation: {open_files}")
        self._copy(self._shared, self._view)

    def _copy(self, source: Path, target: Path) -> None:
        if self.broken:
            raise RuntimeError(self.broken)
        for path in target.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        shutil.copytree(source, target, dirs_exist_ok=True)


def _open_paths() -> list[str]:
    paths: list[str] = []
    for link in (*Path("/proc/self/fd").iterdir(), Path("/proc/self/cwd")):
        with contextlib.suppress(OSError):
            paths.append(str(link.readlink()))
    return paths
