"""`WS /ws/transcribe`: audio without speech and without end, clients that leave or do not read, wrong messages."""

import asyncio
import contextlib

from websockets.exceptions import ConnectionClosed

from tests.chaos.attack import Attack, Tally
from tests.chaos.attacks.leaving import LEFT
from tests.chaos.attacks.transcription import speech
from tests.chaos.recordings import RATE_HZ, voice
from tests.chaos.sockets import Conversation, conversation
from tests.chaos.target import Target
from tests.support.samples import sample_bytes

PATH = "/ws/transcribe"
SECOND = 2 * RATE_HZ
"""Bytes."""
ENDED = frozenset({"1000", "1013"})


async def start(caller: Conversation, **options: object) -> None:
    await caller.say("start", **{"sample_rate_hz": RATE_HZ} | options)


async def without_speech(target: Target, tally: Tally) -> None:
    """Minutes of silence and of noise, as fast as they are taken."""
    noise = (voice(5.0, level=0.02) * 32_767).astype("<i2").tobytes()

    async def one(sound: bytes) -> None:
        async with conversation(target, PATH) as caller:
            await start(caller)
            for _ in range(target.times(24, 2)):
                await caller.send(sound)
            await caller.say("end")
            tally.add(await caller.ending())

    await asyncio.gather(*(one(sound) for sound in (bytes(5 * SECOND), noise) * target.times(4, 1)))


async def without_end(target: Target, tally: Tally) -> None:
    """Speech without a pause: utterances must be ended for it, and memory stay bounded."""
    content = sample_bytes(await speech(target))
    spoken = content.strip(b"\0")[: len(content) // 2 * 2 // 2]

    async def one() -> None:
        async with conversation(target, PATH) as caller:
            await start(caller)
            sending = asyncio.create_task(_send(caller, spoken, target.times(12, 2)))
            try:
                tally.add(await caller.ending())
            finally:
                sending.cancel()
                await asyncio.gather(sending, return_exceptions=True)

    await asyncio.gather(*(one() for _ in range(target.times(3, 1))))


async def _send(caller: Conversation, spoken: bytes, times: int) -> None:
    for _ in range(times):
        await caller.send(spoken)
    await caller.say("end")


async def leave(target: Target, tally: Tally) -> None:
    spoken = sample_bytes(await speech(target))

    async def one(moment: int) -> None:
        async with conversation(target, PATH) as caller:
            steps = [
                lambda: start(caller),
                caller.hear,
                lambda: caller.send(spoken),
                caller.hear,
                lambda: caller.say("flush"),
                lambda: caller.say("end"),
            ]
            with contextlib.suppress(ConnectionClosed):
                for step in steps[:moment]:
                    await step()
            tally.add(LEFT)

    for _ in range(target.times(3, 1)):
        await asyncio.gather(*(one(moment) for moment in range(7)))


async def wrong_messages(target: Target, tally: Tally) -> None:
    async def one(*messages: str | bytes, has_start: bool) -> None:
        async with conversation(target, PATH) as caller:
            if has_start:
                await start(caller)
            for message in messages:
                await caller.send(message)
            tally.add(await caller.ending())

    await asyncio.gather(
        *(
            one(message, has_start=False)
            for message in (
                b"\0" * 100,
                "not JSON",
                '{"type": "end"}',
                '{"type": "start", "sample_rate_hz": 1}',
                '{"type": "start", "language": "%s"}' % ("x" * 500_000),
                '{"type": "start", "silence_ms": -5}',
                '{"type": "start", "api_key": 7}',
                "[" * 100_000,
            )
        ),
        one('{"type": "start"}', has_start=True),
        one('{"type": "end"}', b"\0\0", has_start=True),
        one(b"\0", '{"type": "text", "text": "Hello."}', has_start=True),
        one(bytes(64 * 1024 * 1024), has_start=True),
    )


ATTACKS = (
    Attack(
        name="minutes of silence and noise on transcribing sockets come to their end",
        sends="8 sockets with 2 minutes each",
        run=without_speech,
        expects=ENDED,
        limit_s=40,
        transcribes=True,
    ),
    Attack(
        name="speech without a pause on transcribing sockets comes to its end",
        sends="3 sockets with half a minute each",
        run=without_end,
        expects=ENDED,
        limit_s=60,
        transcribes=True,
    ),
    Attack(
        name="clients of transcribing sockets leave at every message",
        sends="21 sockets",
        run=leave,
        expects=frozenset({LEFT}),
        limit_s=40,
        transcribes=True,
    ),
    Attack(
        name="wrong messages on transcribing sockets are refused",
        sends="12 sockets",
        run=wrong_messages,
        expects=frozenset({"1008", "1009", "1013"}),
        limit_s=20,
        transcribes=True,
    ),
)
