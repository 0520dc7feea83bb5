"""Recordings to transcribe: odd, broken, slow, abandoned, too many; fields that make no sense."""

import asyncio
import random
from collections.abc import Sequence

from tests.chaos.attack import BUSY, REFUSALS, Attack, Tally
from tests.chaos.attacks.leaving import LEFT
from tests.chaos.attacks.slow import trickle
from tests.chaos.recordings import ODD_FILES, mutated, sound_files, voice, wav
from tests.chaos.target import Answer, Target, connected, exchange, head, post, post_files, post_json, read_head

OWN, OPENAI, TRANSLATIONS = "/transcribe", "/v1/audio/transcriptions", "/v1/audio/translations"
AUDIO = {"Content-Type": "audio/wav"}
FILENAME = '; filename="clip"'
SENTENCE, SHORT = "The morning was bright, and nobody had opened the door for years.", "Go home now."
ANSWERED = REFUSALS | BUSY | {"200"}


async def speech(target: Target) -> bytes:
    """A sentence of the server's own voice: what the recogniser has most work with. Waits where it is busy."""
    text = SHORT if target.is_short else SENTENCE
    while True:
        answer = await exchange(target, post_json(target, "/tts", text=text, seed=1), limit_s=20, keep_bytes=1 << 22)
        if answer.status != "503":
            return answer.body
        await asyncio.sleep(0.5)


def as_form(target: Target, path: str, content: bytes, **fields: str) -> list[bytes]:
    named = {} if path == OWN else {"model": "whisper-1"}
    return post_files(target, path, [(FILENAME, content)], field="file", **named | fields)


async def ask(target: Target, tally: Tally, pieces: Sequence[bytes], limit_s: float = 30.0) -> Answer:
    return tally.take(await exchange(target, pieces, limit_s=limit_s))


async def odd_files(target: Target, tally: Tally) -> None:
    rng = random.Random(11)
    sound = list(sound_files().values())
    files = [*ODD_FILES.values(), *(mutated(rng.choice(sound), rng) for _ in range(target.times(60, 6)))]
    files = files[:: target.times(1, 4)]
    for begin in range(0, len(files), 6):
        await asyncio.gather(
            *(
                ask(target, tally, as_form(target, (OWN, OPENAI, TRANSLATIONS)[number % 3], content))
                for number, content in enumerate(files[begin : begin + 6])
            )
        )
    await ask(target, tally, post(target, OWN, ODD_FILES["playlist"], AUDIO))


async def wrong_fields(target: Target, tally: Tally) -> None:
    content = wav(voice(0.2))
    wrong: list[tuple[str, dict[str, str]]] = [
        (OWN, {"language": "klingon"}),
        (OWN, {"language": "x" * 2_000_000}),
        (OWN, {"temperature": "NaN"}),
        (OWN, {"task": "sing"}),
        (OWN, {"words": "perhaps"}),
        (OWN, {"prompt": "word " * 100_000}),
        (OWN, {f"field_{number}": "1" for number in range(200)}),
        (OPENAI, {"model": "m" * 1_000_000}),
        (OPENAI, {"response_format": "wav"}),
        (OPENAI, {"timestamp_granularities[]": "word"}),
        (OPENAI, {"stream": "true", "response_format": "srt"}),
        (TRANSLATIONS, {"temperature": "-1e308"}),
    ]
    await asyncio.gather(*(ask(target, tally, as_form(target, path, content, **fields)) for path, fields in wrong))
    await ask(target, tally, post(target, f"{OWN}?{'language=de&' * 500}", content, AUDIO))
    await ask(target, tally, post(target, OPENAI, content, AUDIO))
    await ask(target, tally, post_files(target, OWN, [(FILENAME, content)] * 2, field="file"))


async def slow_uploads(target: Target, tally: Tally) -> None:
    """Heads byte by byte, and recordings of which half comes."""
    content = wav(voice(2.0))
    limit_s = target.client_timeout_s + 3 * target.patience

    async def half(path: str) -> None:
        opening, *body = as_form(target, path, content)
        async with connected(target) as (reader, writer):
            writer.write(opening + b"".join(body)[: len(content) // 2])
            try:
                async with asyncio.timeout(target.client_timeout_s + 5 * target.patience):
                    tally.add((await read_head(reader))[0])
            except TimeoutError:
                tally.add("waited for")
            except (OSError, EOFError):
                tally.add("closed")

    sent = head(target, "POST", OWN, AUDIO | {"X-Padding": "x" * 5000}, num_bytes=len(content))
    await asyncio.gather(
        *(half(path) for path in (OWN, OPENAI, TRANSLATIONS) * target.times(6, 1)),
        *(trickle(target, tally, sent, limit_s=limit_s) for _ in range(target.times(10, 2))),
    )


async def leave(target: Target, tally: Tally) -> None:
    content = await speech(target)
    opening, *body = post(target, f"{OWN}?stream=true", content, AUDIO)
    whole = opening + b"".join(body)

    async def one(sent: bytes, has_answer: bool) -> None:
        async with connected(target) as (reader, writer):
            writer.write(sent)
            await writer.drain()
            if has_answer:
                async with asyncio.timeout(10 * target.patience):
                    await read_head(reader)
            tally.add(LEFT)

    moments = [(opening, False), (whole[: len(whole) // 2], False), (whole, False), (whole, True)]
    for _ in range(target.times(5, 1)):
        await asyncio.gather(*(one(*moment) for moment in moments * target.times(2, 1)), return_exceptions=True)


async def hundred_at_once(target: Target, tally: Tally) -> None:
    content = await speech(target)
    await asyncio.gather(
        *(ask(target, tally, as_form(target, OPENAI, content), limit_s=50) for _ in range(target.times(100, 4)))
    )
    if not tally.answers["200"]:
        tally.fault("none of them was transcribed")


ATTACKS = (
    Attack(
        name="odd, broken and mutated recordings are transcribed or refused",
        sends="82 recordings, 6 at a time",
        run=odd_files,
        expects=ANSWERED,
        limit_s=40,
        transcribes=True,
    ),
    Attack(
        name="fields that make no sense beside a recording are refused",
        sends="15 requests of up to 2 MB",
        run=wrong_fields,
        expects=REFUSALS,
        limit_s=20,
        transcribes=True,
    ),
    Attack(
        name="recordings that come slowly or by half are ended",
        sends="28 connections",
        run=slow_uploads,
        expects=frozenset({"408", "closed", "400"}) | BUSY,
        transcribes=True,
    ),
    Attack(
        name="clients leave before, within and behind the upload and the transcript",
        sends="40 requests",
        run=leave,
        expects=frozenset({LEFT}),
        limit_s=30,
        transcribes=True,
    ),
    Attack(
        name="a hundred recordings at once are transcribed or told to come back",
        sends="100 recordings of 4 s",
        run=hundred_at_once,
        expects=BUSY | {"200"},
        limit_s=60,
        transcribes=True,
    ),
)
