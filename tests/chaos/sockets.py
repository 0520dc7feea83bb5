"""Clients of `WS /ws/tts`, of `WS /ws/transcribe` and of Wyoming that can leave at any moment."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from tests.chaos.target import Target, connected

HANDSHAKE = (
    b"GET /ws/tts HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


def handshake(target: Target) -> bytes:
    return HANDSHAKE % target.host.encode()


class Conversation:
    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket

    async def say(self, kind: str, **fields: Any) -> None:
        await self.send(json.dumps({"type": kind} | fields))

    async def send(self, message: str | bytes) -> None:
        with contextlib.suppress(ConnectionClosed):
            await self.socket.send(message)

    async def hear(self) -> bytes | dict[str, Any]:
        """Audio, or a message. Raises ConnectionClosed."""
        heard = await self.socket.recv()
        return heard if isinstance(heard, bytes) else json.loads(heard)

    async def ending(self) -> str:
        """Everything up to the end; its close code."""
        with contextlib.suppress(ConnectionClosed):
            while True:
                await self.socket.recv()
        return str(self.socket.close_code)


@contextlib.asynccontextmanager
async def conversation(target: Target, path: str = "/ws/tts") -> AsyncIterator[Conversation]:
    """Connected, with nothing said yet. At the end of the block the connection is aborted, without a close frame."""
    socket = await connect(f"ws://{target.host}{path}", open_timeout=10, max_size=None, ping_interval=None)
    try:
        yield Conversation(socket)
    finally:
        socket.transport.abort()


@contextlib.asynccontextmanager
async def wyoming(target: Target) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    async with connected(target, target.wyoming_port) as streams:
        yield streams


def event(kind: str, **data: Any) -> bytes:
    return json.dumps({"type": kind, "data": data}).encode() + b"\n"


__all__ = ["Conversation", "InvalidHandshake", "conversation", "event", "handshake", "wyoming"]
