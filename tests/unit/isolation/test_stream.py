"""A stream through a child."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from app.errors import UnreadableAudio
from app.isolation import stream as stream_module
from app.isolation.child import IsolationFailure, Limits
from app.isolation.pool import Sandbox
from app.isolation.stream import ChildStream

pytestmark = pytest.mark.slow


def run(scenario: Callable[[ChildStream, list[bytes]], Awaitable[None]]) -> list[bytes]:
    """Output of the stream, in pieces."""
    taken: list[bytes] = []

    async def whole() -> None:
        sandbox = Sandbox(Limits())
        stream = ChildStream(sandbox, "tests.support.isolated:double")
        try:
            async with asyncio.timeout(60):
                await stream.start()
                await scenario(stream, taken)
        finally:
            await stream.aclose()
            await stream.aclose()
            await sandbox.aclose()

    asyncio.run(whole())
    return taken


def into(taken: list[bytes]) -> Any:
    async def take(piece: bytes) -> None:
        taken.append(piece)

    return take


def test_each_piece_is_answered_before_the_next_one_and_the_end_has_an_answer_too() -> None:
    async def scenario(stream: ChildStream, taken: list[bytes]) -> None:
        await stream.convert(b"a", into(taken))
        assert taken == [b"aa"]
        await stream.convert(b"", into(taken))
        await stream.convert(b"b" * 1500, into(taken))
        await stream.finish(into(taken))

    assert run(scenario) == [b"aa", b"b" * 2000, b"b" * 1000, b"!"]


@pytest.mark.parametrize(
    ("piece", "error", "says"),
    [
        (b"refuse", UnreadableAudio, "no audio"),
        (b"crash", IsolationFailure, "crashed"),
        (b"end", IsolationFailure, "ends before its input"),
        (b"hang", IsolationFailure, "takes longer"),
    ],
)
def test_a_function_that_fails_is_told_with_the_piece(
    piece: bytes, error: type[Exception], says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if piece == b"hang":
        monkeypatch.setattr(stream_module, "STALL_S", 0.3)

    async def scenario(stream: ChildStream, taken: list[bytes]) -> None:
        await stream.convert(b"a", into(taken))
        await stream.convert(piece, into(taken))

    with pytest.raises(error, match=says):
        run(scenario)


def test_a_taker_that_fails_does_not_stop_the_next_stream() -> None:
    async def fail(_: bytes) -> None:
        raise ZeroDivisionError

    async def scenario(stream: ChildStream, _: list[bytes]) -> None:
        with pytest.raises(ZeroDivisionError):
            await stream.convert(b"a", fail)

    run(scenario)
