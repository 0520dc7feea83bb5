import asyncio
from typing import Any

import pytest

from app.http.asgi import Message
from app.http.middleware.at_end import AtEnd, at_end


async def nothing_comes(*_: Any) -> Message:
    return await asyncio.get_running_loop().create_future()


def test_each_function_is_awaited_though_the_app_and_the_other_ones_fail() -> None:
    ended: list[str] = []

    async def fails() -> None:
        ended.append("failed")
        raise OSError("its file is gone")

    async def succeeds() -> None:
        ended.append("succeeded")

    async def app(scope: Message, receive: Any, send: Any) -> None:
        for close in (succeeds, fails, succeeds):
            at_end(scope, close)
        raise ValueError("the app's own")

    with pytest.raises(OSError, match="its file is gone"):
        asyncio.run(AtEnd(app)({"type": "http"}, nothing_comes, nothing_comes))
    assert ended == ["succeeded", "failed", "succeeded"]


def test_a_function_runs_to_its_end_after_the_exchange_was_cancelled() -> None:
    ended: list[str] = []

    async def close() -> None:
        await asyncio.sleep(0)
        ended.append("closed")

    async def app(scope: Message, receive: Any, send: Any) -> None:
        at_end(scope, close)
        await nothing_comes()

    async def scenario() -> None:
        exchange = asyncio.create_task(AtEnd(app)({"type": "http"}, nothing_comes, nothing_comes))
        await asyncio.sleep(0)
        exchange.cancel()
        with pytest.raises(asyncio.CancelledError):
            await exchange

    asyncio.run(scenario())
    assert ended == ["closed"]
