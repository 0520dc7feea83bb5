"""Names of a megabyte and more where an id is expected. They are compared with known names, and were echoed."""

import asyncio
import json

from tests.chaos.attack import REFUSALS, Attack, Tally
from tests.chaos.sockets import conversation
from tests.chaos.target import MIB, Target, exchange, post_json

LONG = "heart" * 1000


async def long_names(target: Target, tally: Tally) -> None:
    name = LONG * target.times(1000, 100)  # 5 MB
    bodies = [
        ("/tts", {"text": "Hi there.", "speaker_id": name}),
        ("/tts", {"text": "Hi there.", "language": name}),
        ("/tts", {"text": "Hi there.", "format": name}),
        ("/tts", {"text": "Hi there.", name: 1}),
        ("/v1/audio/speech", {"input": "Hi there.", "model": "tts-1", "voice": name}),
        ("/v1/audio/speech", {"input": "Hi there.", "model": name, "voice": "heart"}),
        ("/tts_to_audio/", {"text": "Hi there.", "speaker_wav": name, "language": "en"}),
    ]
    for path, body in bodies:
        tally.take(await exchange(target, post_json(target, path, **body)))


async def longest_name(target: Target, tally: Tally) -> None:
    name = "x" * (target.times(45, 4) * MIB)
    tally.take(await exchange(target, post_json(target, "/tts", text="Hi there.", speaker_id=name), limit_s=20))


async def names_of_a_thousand_letters(target: Target, tally: Tally) -> None:
    """Inside every bound for bytes: only the field's own bound can refuse them."""
    for path, body in (
        ("/tts", {"text": "Hi there.", "speaker_id": LONG}),
        ("/tts", {"text": "Hi there.", "language": LONG}),
        ("/v1/audio/speech", {"input": "Hi there.", "model": "tts-1", "voice": LONG}),
        ("/v1/audio/speech", {"input": "Hi there.", "model": "tts-1", "voice": {"id": LONG}}),
    ):
        tally.take(await exchange(target, post_json(target, path, **body)))


async def long_names_on_sockets(target: Target, tally: Tally) -> None:
    start = json.dumps({"type": "start", "speaker_id": "x" * (MIB - 100)})

    async def one() -> None:
        async with conversation(target) as socket:
            await socket.send(start)
            tally.add(await socket.ending())

    await asyncio.gather(*(one() for _ in range(target.times(30, 5))))


ATTACKS = (
    Attack(
        name="names of 5 MB in every field that takes a name are refused",
        sends="7 requests of 5 MB",
        run=long_names,
        expects=REFUSALS,
        limit_s=30,
    ),
    Attack(
        name="a speaker_id of 45 MB is refused",
        sends="1 request of 45 MB",
        run=longest_name,
        expects=frozenset({"400", "413"}),
        limit_s=30,
    ),
    Attack(
        name="names of 5,000 letters are refused",
        sends="4 small requests",
        run=names_of_a_thousand_letters,
        expects=frozenset({"400", "404"}),
    ),
    Attack(
        name="a speaker_id of 1 MB on a socket is refused",
        sends="30 sockets at once",
        run=long_names_on_sockets,
        expects=frozenset({"1008", "1009", "1013"}),
    ),
)
