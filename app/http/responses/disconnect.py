"""Work that stops when the client leaves."""

import asyncio
from collections.abc import Coroutine
from typing import TypeVar

from litestar.exceptions import HTTPException

from app.http.wire.errors import AnyRequest

T = TypeVar("T")


class ClientLeft(HTTPException):
    """499 is the proxies' status for a client that left."""

    status_code = 499
    detail = "the client left before the answer was ready"


async def unless_client_leaves(request: AnyRequest, work: Coroutine[None, None, T]) -> T:
    """The result of `work`, or ClientLeft once the client has gone; `work` is cancelled then.

    Call it after the body has been read, when only the disconnect can follow.
    """

    async def leaving() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass

    working = asyncio.ensure_future(work)
    watching = asyncio.ensure_future(leaving())
    try:
        await asyncio.wait((working, watching), return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise ClientLeft
        return working.result()
    finally:
        watching.cancel()
        if not working.done():
            working.cancel()
            await asyncio.wait((working,))  # its `finally` gives the slot back before the answer ends
