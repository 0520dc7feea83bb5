"""A caller of `WS /ws/tts` or `WS /ws/transcribe`."""

import contextlib
import json
from collections.abc import Iterator
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.support.server import RunningServer


class LiveCaller:
    """JSON messages are dictionaries; audio is bytes."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket

    def say(self, kind: str, **fields: Any) -> None:
        self.socket.send(json.dumps({"type": kind} | fields))

    def next(self) -> Any:
        """A message or audio. Raises ConnectionClosed at the end."""
        data = self.socket.recv(timeout=30)
        return json.loads(data) if isinstance(data, str) else data

    def until(self, *kinds: str) -> tuple[bytes, list[dict[str, Any]]]:
        """Audio and messages up to and including the first message of one of `kinds`."""
        audio, messages = b"", []
        while not messages or messages[-1]["type"] not in kinds:
            heard = self.next()
            if isinstance(heard, bytes):
                audio += heard
            else:
                messages.append(heard)
        return audio, messages

    def close_code(self) -> int:
        """The code with which the server closed. Fails if a message comes first."""
        with contextlib.suppress(ConnectionClosed):
            raise AssertionError(f"something came: {self.next()!r}")
        assert self.socket.close_code is not None
        return self.socket.close_code


@contextlib.contextmanager
def live_caller(server: RunningServer, path: str = "/ws/tts", **options: Any) -> Iterator[LiveCaller]:
    """A connected caller before its first message. `options` go to `connect`."""
    with connect(f"{server.url.replace('http', 'ws')}{path}", **options) as socket:
        yield LiveCaller(socket)
