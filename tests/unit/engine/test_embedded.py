"""The embedded voice itself: nothing here stands in for anything."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

import numpy as np
import pytest

from app.audio.loudness import speech_level_dbfs
from app.engine.embedded import EmbeddedEngine, prepare_segment
from app.engine.scheduler import Request, Sequence
from app.engine.values import Samples, SamplingParams
from app.errors import CloningUnavailable, Draining, EngineFailure, NothingToSpeak
from app.text.segments import Boundary, Segment
from tests.support.marks import slow
from tests.support.requests import prepared


def request(engine: EmbeddedEngine, *texts: str, seed: int = 1, speed: float = 1.0) -> Request:
    return Request(
        sequences=prepared(engine, *texts),
        voice=engine.voice("heart"),
        sampling=SamplingParams(seed=seed),
        speed=speed,
    )


async def collect(engine: EmbeddedEngine, asked: Request) -> Samples:
    return np.concatenate([chunk.samples async for chunk in engine.submit(asked)])


@asynccontextmanager
async def opened(**limits: int) -> AsyncIterator[EmbeddedEngine]:
    engine = EmbeddedEngine(**limits)
    try:
        yield engine
    finally:
        await engine.aclose()


T = TypeVar("T")


def run(scenario: Callable[[EmbeddedEngine], Awaitable[T]], **limits: int) -> T:
    async def inner() -> T:
        async with opened(**limits) as engine:
            return await scenario(engine)

    return asyncio.run(inner())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("It TOOK A WATCH OUT OF ITS POCKET, and ran.", "It took a watch out of its pocket, and ran."),
        ("SO I SAID: DON'T LOOK!", "so I said: don't look!"),
        ("The BBC and NASA met the FBI, IBM, CIA.", "The BBC and NASA met the FBI, IBM, CIA."),
        ("She said DRINK ME. EAT ME.", "She said DRINK me. EAT me."),
        ("It was HIS book, and THEY know WHICH.", "It was his book, and they know which."),
        ("Servers MUST answer; clients SHOULD NOT retry.", "Servers must answer; clients should not retry."),
        ("WITH ALICE'S LOVE", "with ALICE's LOVE"),
        (
            "SHE'S here. THAT’S all. I'LL go. WHO'S there? DON'T.",
            "she's here. that's all. I'll go. who's there? don't.",
        ),
        ("NASA'S plan, the US, IT at 9 AM, WHO, OR", "NASA's plan, the US, IT at nine AM, WHO, OR"),
        ("AT&T, IS-IS, U.S. AND B&B", "AT and T, IS-IS, U.S. and B and B"),
        ("THE END of the HIS and an IS.", "the END of the HIS and an IS."),
        ("Is it a SHOULD or a MUST, the WITH clause?", "Is it a should or a must, the with clause?"),
        ("NASA'LL and the CIA'D go; CAN'T, I'M, I'VE.", "NASA'll and the CIA'd go; can't, I'm, I've."),
        ("Yes, HE and I left with HER and A. B. too.", "Yes, he and I left with her and A. B. too."),
        ("Gary, IN is a city; Bangor, ME.", "Gary, IN is a city; Bangor, ME."),
        ("'HE did it,' said Tom. ‘It is HIS’", "'he did it,' said Tom. ‘It is his'"),
        ("It was HIS--not HERS.", "It was his--not hers."),
    ],
)
def test_words_in_capitals_are_not_spelt_and_abbreviations_are(text: str, said: str) -> None:
    assert prepare_segment(Segment(0, text, Boundary.SENTENCE)).spoken_text == said


@pytest.mark.slow
def test_a_request_among_others_sounds_as_it_does_alone() -> None:
    async def scenario(engine: EmbeddedEngine) -> list[Samples]:
        texts = ("First sentence here.", "And a second one.")
        alone = await collect(engine, request(engine, *texts, seed=7))
        others = [request(engine, f"Somebody else says {n}.", seed=n) for n in range(10)]
        found = await asyncio.gather(
            collect(engine, request(engine, *texts, seed=7)), *(collect(engine, other) for other in others)
        )
        return [alone, found[0]]

    alone, among_others = run(scenario)
    np.testing.assert_array_equal(alone, among_others)


def test_the_seed_and_the_speed_change_the_audio() -> None:
    async def scenario(engine: EmbeddedEngine) -> list[Samples]:
        return [
            await collect(engine, request(engine, "Hello there.", seed=1)),
            await collect(engine, request(engine, "Hello there.", seed=2)),
            await collect(engine, request(engine, "Hello there.", seed=1, speed=2.0)),
        ]

    first, reseeded, faster = run(scenario)
    assert len(first) == len(reseeded)
    assert not np.array_equal(first, reseeded)
    assert len(faster) < 0.7 * len(first)


def test_the_rate_of_a_segment_is_heard_as_the_same_speed_of_its_request_is() -> None:
    async def scenario(engine: EmbeddedEngine) -> list[Samples]:
        slow, fast = (Segment(0, "Hello there.", Boundary.SENTENCE, rate=rate) for rate in (1.0, 1.5))
        return [
            await collect(
                engine,
                Request(
                    sequences=engine.prepare([segment], "en"),
                    voice=engine.voice("heart"),
                    sampling=SamplingParams(seed=1),
                    speed=speed,
                ),
            )
            for segment, speed in ((slow, 1.5), (fast, 1.0))
        ]

    np.testing.assert_array_equal(*run(scenario))


def test_a_stream_has_one_segment_in_progress_until_its_first_audio() -> None:
    async def scenario(engine: EmbeddedEngine) -> list[int]:
        stream = engine.submit(request(engine, *["A sentence of some length."] * 4))
        num_busy = [engine.stats().busy_slots]
        await anext(stream)
        num_busy.append(engine.stats().busy_slots)
        await stream.aclose()
        return num_busy

    assert run(scenario, max_slots=2) == [1, 2]


def test_closing_a_stream_frees_its_slot_once_the_running_segment_ends() -> None:
    async def scenario(engine: EmbeddedEngine) -> tuple[int, int]:
        stream = engine.submit(request(engine, *["A sentence of some length, to be left."] * 50))
        await anext(stream)
        await stream.aclose()
        await stream.aclose()
        admitted = engine.stats().admitted_requests
        await collect(engine, request(engine, "Somebody else."))
        while engine.stats().busy_slots:
            await asyncio.sleep(0)
        return admitted, engine.stats().admitted_requests

    assert run(scenario, max_slots=1) == (0, 0)


def test_a_segment_without_sound_fails_its_request_by_name_and_no_other() -> None:
    async def scenario(engine: EmbeddedEngine) -> int:
        bad, good = engine.submit(request(engine, "---")), engine.submit(request(engine, "This one is fine."))
        with pytest.raises(NothingToSpeak, match="---"):
            await anext(bad)
        return len((await anext(good)).samples)

    assert run(scenario) > 10_000


def test_a_crash_of_the_voice_fails_its_request_and_no_other() -> None:
    async def scenario(engine: EmbeddedEngine) -> int:
        segment = Segment(0, "9" * 40, Boundary.SENTENCE)
        broken = Sequence(segment=segment, language="en", spoken_text=segment.text, normal_s=1.0)
        asked = Request(sequences=(broken,), voice=engine.voice("heart"), sampling=SamplingParams(seed=1))
        bad, good = engine.submit(asked), engine.submit(request(engine, "This one is fine."))
        with pytest.raises(EngineFailure, match="segment 0"):
            await anext(bad)
        return len((await anext(good)).samples)

    assert run(scenario) > 10_000


@pytest.mark.parametrize(
    "text", [*slow("9" * 300, "w" * 250), "1,000,000,000", "Call 0123456789012345678901234567890."]
)
def test_endless_numbers_and_words_are_spoken(text: str) -> None:
    assert len(run(lambda engine: collect(engine, request(engine, text)))) > 24_000


@pytest.mark.slow
def test_a_long_word_is_not_cut_short() -> None:
    short, long = (len(run(lambda engine, n=n: collect(engine, request(engine, "banana" * n)))) for n in (4, 16))  # type: ignore[misc]
    assert long > 2 * short


def test_shutting_down_fails_what_is_open_and_refuses_what_is_new() -> None:
    async def scenario() -> None:
        engine = EmbeddedEngine(max_slots=1)
        stream = engine.submit(request(engine, *["A sentence of some length."] * 20))
        await engine.aclose()
        with pytest.raises(Draining):
            [chunk async for chunk in stream]
        with pytest.raises(Draining):
            engine.submit(request(engine, "Hello."))

    asyncio.run(scenario())


def test_what_the_voice_cannot_do_is_said() -> None:
    async def scenario(engine: EmbeddedEngine) -> None:
        with pytest.raises(CloningUnavailable, match="XTTS"):
            await engine.clone([])
        with pytest.raises(KeyError):
            engine.voice("fenrir")
        assert [speaker.id for speaker in engine.speakers()] == ["heart"]
        hello, japanese, percent, signs = (
            engine.prepare([Segment(0, text, Boundary.SENTENCE)], "en")[0]
            for text in ("Hello 世界, Привет, naïve café 5 µ", "日本語 … --", "50 %", "a ♫ b | c ≥ 5")
        )
        assert hello.unspoken == "世界Привет"
        assert "П" not in hello.spoken_text
        assert signs.unspoken == "♫|"
        assert not japanese.has_sound
        assert percent.has_sound

    run(scenario)


def test_the_estimate_of_a_sentence_is_near_its_length() -> None:
    async def scenario(engine: EmbeddedEngine) -> None:
        for text in ("Go home now.", "The old grey house stood by the sea, and nothing more was said about it."):
            asked = request(engine, text)
            assert len(await collect(engine, asked)) / 24_000 == pytest.approx(asked.sequences[0].expected_s, rel=0.4)

    run(scenario)


def test_the_level_of_the_voice_is_that_of_what_it_says() -> None:
    async def scenario(engine: EmbeddedEngine) -> None:
        level = engine.voice("heart").level
        assert level is not None
        samples = await collect(engine, request(engine, "Nothing more was said about the old grey house."))
        assert speech_level_dbfs(samples, 24_000) == pytest.approx(level.rms_dbfs, abs=2.0)

    run(scenario)
