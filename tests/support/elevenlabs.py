"""A caller of ElevenLabs' WebSockets."""

import base64
import contextlib
import json
from collections import defaultdict
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from websockets.sync.client import ClientConnection, connect

from tests.support.server import RunningServer


class StreamCaller:
    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.audio: defaultdict[str | None, bytes] = defaultdict(bytes)
        """by context"""
        self.chars: defaultdict[str | None, str] = defaultdict(str)
        self.messages: list[dict[str, Any]] = []

    def say(self, text: str | None = None, context: str | None = None, **fields: Any) -> None:
        """`text` of a client of `text-to-speech`; `fields` of any message."""
        named = {"text": text, "context_id": context} | fields
        self.socket.send(json.dumps({name: value for name, value in named.items() if value is not None}))

    def next(self) -> dict[str, Any]:
        """The next message, whose audio and characters are kept. Raises ConnectionClosed at the end."""
        message = json.loads(self.socket.recv(timeout=30))
        context = context_of(message)
        self.audio[context] += base64.b64decode(message.get("audio") or "")
        self.chars[context] += "".join((message.get("alignment") or {}).get("chars", []))
        self.messages.append(message)
        return message

    def until_final(self, context: str | None = None) -> dict[str, Any]:
        """Messages up to the last one of `context`, which is returned; fails for an error."""
        while not is_final(message := self.next()) or context_of(message) != context:
            assert "error" not in message, message
        return message

    def until_error(self) -> dict[str, Any]:
        while "error" not in (message := self.next()):
            pass
        return message


def context_of(message: dict[str, Any]) -> str | None:
    return message.get("contextId") or message.get("context_id")


def is_final(message: dict[str, Any]) -> bool:
    return bool(message.get("isFinal") or message.get("is_final"))


@contextlib.contextmanager
def stream_caller(
    server: RunningServer,
    kind: str = "multi-stream-input",
    *,
    voice: str = "heart",
    query: str = "&seed=5",
    output: str = "pcm_24000",
    **options: Any,
) -> Iterator[StreamCaller]:
    """A connected caller of `text-to-speech`. `options` go to `connect`."""
    url = server.url.replace("http", "ws")
    with connect(f"{url}/v1/text-to-speech/{quote(voice)}/{kind}?output_format={output}{query}", **options) as socket:
        yield StreamCaller(socket)


@contextlib.contextmanager
def dialogue_caller(
    server: RunningServer, kind: str = "multi-stream-input", *, query: str = "&seed=5", output: str = "pcm_24000"
) -> Iterator[StreamCaller]:
    """A connected caller of `text-to-dialogue`."""
    url = server.url.replace("http", "ws")
    with connect(f"{url}/v1/text-to-dialogue/{kind}?output_format={output}{query}") as socket:
        yield StreamCaller(socket)


def lines(*spoken: tuple[str, str], **fields: Any) -> list[dict[str, Any]]:
    """`inputs` of (voice, text)."""
    return [{"voice_id": voice, "text": text} | fields for voice, text in spoken]
