"""A Modal Volume as the server's data volume: the given calls, bounded in time, with the server's errors."""

import asyncio
from collections.abc import Awaitable, Callable

VolumeCall = Callable[[], Awaitable[None]]

TIMEOUT_S = 30.0
"""The library tries a commit again for minutes, and a caller waits for it."""


class ContainerVolume:
    def __init__(self, *, commit: VolumeCall, reload: VolumeCall, timeout_s: float = TIMEOUT_S) -> None:
        self._commit = commit
        self._reload = reload
        self._timeout_s = timeout_s

    async def commit(self) -> None:
        await self._call(self._commit)

    async def reload(self) -> None:
        await self._call(self._reload)

    async def _call(self, call: VolumeCall) -> None:
        try:
            async with asyncio.timeout(self._timeout_s):
                await call()
        except TimeoutError:
            raise OSError(f"no answer within {self._timeout_s:g} s") from None
        except Exception as error:  # the library raises its own errors, its transport's, and RuntimeError
            raise OSError(str(error) or repr(error)) from error
