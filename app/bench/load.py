"""The load generator: begins the requests of a load when they are due, and listens to all of them."""

import asyncio
import time
from collections.abc import Awaitable, Callable

import httpx

from app.bench.arrivals import Load
from app.bench.figures import Attempt, Figures, figures_of
from app.bench.listener import Listener
from app.bench.streams import OpenStream, text_of
from app.errors import ChorusError, Unavailable

MAX_LATE_S = 0.02
"""A load generator that is later than this (p99) blurs C50: its machine, or its own process, is too busy."""


async def measure(
    open_stream: OpenStream,
    load: Load,
    *,
    sample_rate_hz: int,
    code_s: float | None,
    num_sentences: int = 1,
    record: Callable[[Figures], None],
    clock: Callable[[], float] = time.perf_counter,
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
) -> None:
    """Begin each request when it is due, whatever became of the earlier ones, and wait for the end of all.

    Times count from the moment at which a request was due. Texts alternate; the number of a request is its seed.
    `record` gets the figures, after a cancellation those of the streams that had ended, if there are any.

    code_s          seconds of audio in one audio code; None where the engine has no codes
    num_sentences   of each text
    clock, sleep    in seconds
    """
    began_at_s = clock()
    attempts: list[Attempt] = []

    async def attend(number: int, due_at_s: float) -> None:
        listener = Listener(clock, asked_at_s=due_at_s)
        attempt = Attempt(listener, late_s=max(0.0, clock() - due_at_s))
        attempts.append(attempt)
        pieces = open_stream(text_of(number, num_sentences=num_sentences), number)
        try:
            await listener.listen(pieces, sample_rate_hz=sample_rate_hz)
        except Unavailable as error:
            attempt.ended, attempt.problem = ("failed" if listener.audio_s else "refused"), error.message
        except (ChorusError, httpx.HTTPError) as error:
            attempt.ended, attempt.problem = "failed", str(error) or type(error).__name__
        else:
            attempt.ended = "failed" if listener.first_playable_s is None else "finished"
            attempt.problem = "a stream ended without a playable sample" if attempt.ended == "failed" else None

    def figures() -> Figures:
        return figures_of(attempts, rate_per_s=load.rate_per_s, elapsed_s=clock() - began_at_s, code_s=code_s)

    try:
        async with asyncio.TaskGroup() as group:
            for number, arrival_s in enumerate(load.arrivals_s):
                await sleep(max(0.0, began_at_s + arrival_s - clock()))
                group.create_task(attend(number, began_at_s + arrival_s))
    except asyncio.CancelledError:
        if any(attempt.ended for attempt in attempts):
            record(figures())
        raise
    record(figures())
