"""Uploads: channels, odd and broken files, names of files, and many at once."""

import asyncio
import json
import random
from collections.abc import Iterable

import numpy as np

from tests.chaos.attack import BUSY, REFUSALS, Attack, Tally
from tests.chaos.recordings import (
    ODD_FILES,
    encoded,
    long_mp3,
    mutated,
    silent_channels,
    sound_files,
    voice,
    wav,
)
from tests.chaos.target import Answer, Target, exchange, post_files

FILENAME = '; filename="clip"'
TAKEN = REFUSALS | BUSY | {"200"}


async def check(target: Target, tally: Tally, *files: bytes, disposition: str = FILENAME) -> Answer:
    pieces = post_files(target, "/voices/check", [(disposition, content) for content in files])
    return tally.take(await exchange(target, pieces, limit_s=20))


async def check_each(target: Target, tally: Tally, files: Iterable[bytes]) -> None:
    """One file after the other; the attack ends with the server, if that is where it ends."""
    for content in files:
        if (await check(target, tally, content)).status == "closed":
            return


async def channels(target: Target, tally: Tally) -> None:
    numbers = (*range(1, 11), 12, 16, 24, 32, 48, 63, 64, 65, 255, 65_535)
    await check_each(target, tally, (silent_channels(number) for number in numbers))
    surround = np.zeros((3 * 48_000, 8), np.float32)
    surround[:, 3] = voice(6.0)[: len(surround)]
    await check_each(
        target,
        tally,
        [wav(surround, mask=mask) for mask in (0, 3, 0x33, 0x63F, 0x107)]
        + [
            encoded(surround, container, codec, layout="7.1")
            for container, codec in (("flac", "flac"), ("ogg", "libopus"))
        ],
    )
    answer = await check(target, tally, wav(surround, rate_hz=48_000))
    if answer.status != "200" or b"silent" in answer.body:
        tally.fault("the voice in channel 4 of 8 is not found")


async def odd_files(target: Target, tally: Tally) -> None:
    await check_each(target, tally, ODD_FILES.values())


async def mutated_files(target: Target, tally: Tally) -> None:
    rng = random.Random(7)
    files = list(sound_files().values())
    changed = [mutated(rng.choice(files), rng) for _ in range(target.times(120, 12))]
    for begin in range(0, len(changed), 12):
        await asyncio.gather(*(check(target, tally, content) for content in changed[begin : begin + 12]))


async def file_names(target: Target, tally: Tally) -> None:
    content = wav(voice(3.0))
    for disposition in (
        "; filename*=UTF-8''Gr%C3%BC%C3%9Fe.m4a",
        '; filename="Gr\xfc\xdfe.m4a"',
        "; filename=\"f.wav\"; filename*=UTF-8''%E5%A3%B0.wav",
        "; filename*=ISO-8859-1''Gr%FC%DFe.wav",
        "; filename*=UTF-8''%ff%fe.wav",
        '; filename="' + "x" * 3000 + '.wav"',
        '; filename="../../etc/passwd"',
        '; filename="a;b\\"c.wav"',
    ):
        await check(target, tally, content, disposition=disposition)


async def cancelling_channels(target: Target, tally: Tally) -> None:
    left = voice(4.0)
    noise = voice(4.0, seed=1, level=0.002)
    for right in (-left, -0.9 * left, -left + noise):
        answer = await check(target, tally, wav(np.stack([left, right], axis=1)))
        for word in (b"silent", b"louder"):
            if word in answer.body:
                tally.fault(f"an inverted channel is called {word.decode()}")
        if answer.status == "200" and not json.loads(answer.body):
            tally.fault("no verdict")


async def storm(target: Target, tally: Tally) -> None:
    recording = long_mp3(target.times(120, 10))
    files = [recording] * target.times(8, 2)
    await asyncio.gather(*(check(target, tally, *files) for _ in range(target.times(16, 3))))


ATTACKS = (
    Attack(
        name="recordings of 1 to 65,535 channels are decoded or refused",
        sends="27 uploads",
        run=channels,
        expects=TAKEN,
        limit_s=25,
    ),
    Attack(
        name="odd and broken files are refused",
        sends=f"{len(ODD_FILES)} uploads",
        run=odd_files,
        expects=TAKEN,
        limit_s=25,
    ),
    Attack(
        name="mutated recordings are decoded or refused",
        sends="120 uploads, 12 at a time",
        run=mutated_files,
        expects=TAKEN,
        limit_s=40,
    ),
    Attack(
        name="file names in any script are taken",
        sends="8 uploads",
        run=file_names,
        expects=frozenset({"200"}),
    ),
    Attack(
        name="a channel that cancels the other is no silence",
        sends="3 uploads",
        run=cancelling_channels,
        expects=frozenset({"200"}),
    ),
    Attack(
        name="a storm of uploads is decoded or told to come back",
        sends="16 requests of 8 recordings of 2 minutes at once",
        run=storm,
        expects=TAKEN,
        limit_s=60,
    ),
)
