"""Several answers in one batch of the engine, each of which may fail alone. Lives on the event loop."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from typing import TypeVar

from app.errors import ChorusError, Unavailable
from app.speech.request import SpeechRequest
from app.speech.service import SpeechService
from app.speech.stream import SpeechStream

T = TypeVar("T")


async def speak_batch(
    service: SpeechService, requests: Sequence[SpeechRequest], collect: Callable[[int, SpeechStream], Awaitable[T]]
) -> list[T | ChorusError]:
    """The results of `collect`, or the errors, in the order of `requests`.

    `collect` gets the number of a request and its speech, which is closed afterwards.

    Raises Unavailable where the engine has no place for the first answer; the others wait for one.
    """
    results: dict[int, T | ChorusError] = {}
    num_open = 0
    tasks: list[asyncio.Task[None]] = []

    async def finish(at: int, speech: SpeechStream) -> None:
        nonlocal num_open
        try:
            results[at] = await collect(at, speech)
        except ChorusError as error:
            results[at] = error
        finally:
            num_open -= 1
            await speech.aclose()

    async with AsyncExitStack() as closing:
        try:
            for at, request in enumerate(requests):
                # An answer is begun ahead only where it takes no place that other requests need.
                while num_open >= (service.engine.info.max_slots if service.has_spare_places else 1):
                    await service.answer_ended()
                try:
                    speech = await (service.admit_in_turn(request) if tasks else service.admit(request))
                except Unavailable:
                    raise
                except ChorusError as error:
                    results[at] = error
                    continue
                closing.push_async_callback(speech.aclose)  # a task that is cancelled before it began closes nothing
                num_open += 1
                tasks.append(asyncio.create_task(finish(at, speech)))
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
    return [results[at] for at in range(len(requests))]
