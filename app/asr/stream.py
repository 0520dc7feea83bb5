"""The events of one request, on their way from the recogniser to one consumer. Lives on the event loop."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

from app.asr.base import Finished, RecognitionEvent


class EventStream:
    """A RecognitionStream. `on_close` is awaited once: with the last event, the error or the consumer's `aclose`."""

    def __init__(self, on_close: Callable[[], Awaitable[None]]) -> None:
        self._events: deque[RecognitionEvent] = deque()
        self._error: BaseException | None = None
        self._arrived = asyncio.Event()
        self._is_closed = False
        self._on_close = on_close

    def put(self, event: RecognitionEvent) -> None:
        self._events.append(event)
        self._arrived.set()

    def fail(self, error: BaseException) -> None:
        """The consumer gets `error` behind the events that wait."""
        if self._error is None:
            self._error = error
            self._arrived.set()

    def __aiter__(self) -> "EventStream":
        return self

    async def __anext__(self) -> RecognitionEvent:
        while not self._is_closed:
            if self._events:
                event = self._events.popleft()
                if isinstance(event, Finished):
                    await self.aclose()
                return event
            if self._error is not None:
                await self.aclose()
                raise self._error
            self._arrived.clear()
            await self._arrived.wait()
        raise StopAsyncIteration

    async def aclose(self) -> None:
        if not self._is_closed:
            self._is_closed = True
            self._events.clear()
            self._arrived.set()
            await self._on_close()
