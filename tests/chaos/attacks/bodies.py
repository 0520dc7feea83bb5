"""Bodies that are large, deep, or not of the length that they claim."""

import asyncio
import base64
import json

from tests.chaos.attack import BUSY, REFUSALS, Attack, Tally
from tests.chaos.recordings import voice, wav
from tests.chaos.target import MIB, Target, exchange, head, post, post_files


async def huge_recordings(target: Target, tally: Tally) -> None:
    recording = wav(voice(3.0)) + bytes(target.times(35, 1) * MIB)
    body = json.dumps({"reference_audio": [base64.b64encode(recording).decode()]}).encode()
    pieces = post(target, "/voices/check", body)
    sending = (exchange(target, pieces, limit_s=40) for _ in range(target.times(8, 3)))
    for answer in await asyncio.gather(*sending):
        tally.take(answer)


async def huge_json(target: Target, tally: Tally) -> None:
    body = b'{"text": "' + b"a" * (target.times(40, 3) * MIB) + b'"}'
    for path in ("/tts", "/v1/audio/speech", "/tts_to_audio/"):
        tally.take(await exchange(target, post(target, path, body), limit_s=20))


async def deep_json(target: Target, tally: Tally) -> None:
    for body in (b"[" * 500_000, b'{"a":' * 100_000, b'{"text":' + b"[" * 500_000, b"\xff" * 1000, b"", b"null"):
        for path in ("/tts", "/voices/check"):
            tally.take(await exchange(target, post(target, path, body)))


async def many_fields(target: Target, tally: Tally) -> None:
    fields = {f"field{number}": "x" for number in range(2000)}
    tally.take(await exchange(target, post_files(target, "/voices/check", [], **fields)))
    json_fields = json.dumps({"text": "Hi."} | {f"field{number}": 1 for number in range(20_000)}).encode()
    for path in ("/tts", "/v1/audio/speech"):
        tally.take(await exchange(target, post(target, path, json_fields)))


async def lying_lengths(target: Target, tally: Tally) -> None:
    """Each claims more than it sends, and then waits: the server must end it within its time limit for clients."""
    claims = [("/tts", 10**12), ("/voices/check", 49 * MIB), ("/tts", 100), ("/voices/import", 1000)]

    async def one(path: str, claimed: int) -> None:
        opening = head(target, "POST", path, {"Content-Type": "application/json"}, num_bytes=claimed)
        tally.take(await exchange(target, [opening, b'{"text"'], limit_s=target.client_timeout_s + 5))

    await asyncio.gather(*(one(*claim) for claim in claims))


ATTACKS = (
    Attack(
        name="recordings of 35 MB in JSON are decoded beside everything else",
        sends="8 requests of 47 MB at once",
        run=huge_recordings,
        expects=REFUSALS | BUSY | {"200"},
        limit_s=45,
    ),
    Attack(
        name="a text of 40 MB is refused",
        sends="3 requests of 40 MB",
        run=huge_json,
        expects=frozenset({"413", "400"}),
        limit_s=30,
    ),
    Attack(
        name="JSON that is deep, empty or no text is refused",
        sends="12 requests of up to 0.8 MB",
        run=deep_json,
        expects=REFUSALS,
    ),
    Attack(
        name="bodies with 2,000 and 20,000 fields are answered",
        sends="3 requests",
        run=many_fields,
        expects=REFUSALS | {"200"},
    ),
    Attack(
        name="a body that stays shorter than it claims is not waited for",
        sends="4 heads with the beginning of a body",
        run=lying_lengths,
        expects=REFUSALS | {"closed"},
    ),
)
