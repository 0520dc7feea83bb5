"""Opus that is decoded in a child while it arrives."""

import asyncio
import contextlib
import os
import signal
from collections.abc import Awaitable, Callable
from typing import Any

import numpy as np
import pytest

from app.audio import live_recording
from app.audio.live_recording import LiveDecoder, LiveDecoders
from app.audio.speech_recording import RATE_HZ
from app.errors import Draining, Unavailable, UnreadableAudio
from app.settings import child_environment
from tests.support.opus import Container, recorded
from tests.support.recordings import wav

pytestmark = pytest.mark.slow

RATE = 24_000
TONE = (0.5 * np.sin(2 * np.pi * 440 * np.arange(3 * RATE) / RATE)).astype(np.float32)


def run(scenario: Callable[[LiveDecoders], Awaitable[Any]]) -> Any:
    async def whole() -> Any:
        decoders = LiveDecoders(child_environment())
        try:
            async with asyncio.timeout(60):
                return await scenario(decoders)
        finally:
            await decoders.aclose()

    return asyncio.run(whole())


class Taken:
    """Samples so far."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    async def __call__(self, part: bytes) -> None:
        self._parts.append(part)

    @property
    def samples(self) -> Any:
        return np.frombuffer(b"".join(self._parts), "<i2")


async def decode(decoder: LiveDecoder, data: bytes, piece: int = 400) -> Any:
    taken = Taken()
    for at in range(0, len(data), piece):
        await decoder.convert(data[at : at + piece], taken)
    await decoder.finish(taken)
    return taken.samples


@pytest.mark.parametrize("container", ["webm", "ogg"])
def test_all_of_a_stream_comes_out_wherever_its_pieces_end(container: Container) -> None:
    async def scenario(decoders: LiveDecoders) -> list[Any]:
        data = recorded(TONE, RATE, container)
        decoded = []
        for piece in (37, 4_000, 10**6):
            async with decoders.opened() as decoder:
                decoded.append(await decode(decoder, data, piece))
        return decoded

    for samples in run(scenario):
        assert len(samples) == pytest.approx(3 * RATE_HZ, abs=0.03 * RATE_HZ)
        assert np.abs(np.fft.rfft(samples[:RATE_HZ])).argmax() == 440
        assert np.std(samples / 32_768) == pytest.approx(0.5 / np.sqrt(2), rel=0.05)


@pytest.mark.parametrize("container", ["webm", "ogg"])
def test_audio_is_decoded_as_soon_as_it_has_arrived(container: Container) -> None:
    async def scenario(decoders: LiveDecoders) -> None:
        data = recorded(TONE, RATE, container)
        async with decoders.opened() as decoder:
            taken = Taken()
            for at in range(0, len(data), 100):
                await decoder.convert(data[at : at + 100], taken)
                share = min(1.0, (at + 100) / len(data))
                assert len(taken.samples) / RATE_HZ > 3 * share - 0.15

    run(scenario)


def test_a_child_decodes_several_streams_one_after_the_other() -> None:
    async def scenario(decoders: LiveDecoders) -> list[int]:
        lengths = []
        for container in ("webm", "ogg", "webm"):
            async with decoders.opened() as decoder:
                lengths.append(len(await decode(decoder, recorded(TONE, RATE, container), 5_000)))
        assert len(decoders._sandbox.pids) == 1
        return lengths

    assert len(set(run(scenario))) <= 2


def test_other_data_is_refused_in_words() -> None:
    refused = {
        "wav": (wav(TONE, RATE), "neither WebM nor Ogg"),
        "zeros": (bytes(1000), "neither WebM nor Ogg"),
        "short": (b"Ogg", "neither WebM nor Ogg"),
        "broken WebM": (b"\x1aE\xdf\xa3" + bytes(10_000), "send pcm16"),
        "broken Ogg": (b"OggS" + bytes(10_000), "send pcm16"),
        "cut WebM": (recorded(TONE, RATE, "webm")[:100], "send pcm16"),
        "cut Ogg": (recorded(TONE, RATE, "ogg")[:60], "send pcm16"),
        "AAC": (recorded(TONE, RATE, "matroska", "aac"), "not Opus"),
        "no audio": (recorded(TONE, RATE, "ogg")[:150], "send pcm16"),
    }

    async def scenario(decoders: LiveDecoders) -> dict[str, str]:
        told: dict[str, str] = {}
        for name, (data, _) in refused.items():
            async with decoders.opened() as decoder:
                try:
                    await decode(decoder, data)
                except UnreadableAudio as error:
                    told[name] = error.message
        return told

    told = run(scenario)
    for name, (_, says) in refused.items():
        assert says in told[name], name


def test_a_stream_without_a_byte_is_silence() -> None:
    async def scenario(decoders: LiveDecoders) -> int:
        async with decoders.opened() as decoder:
            return len(await decode(decoder, b""))

    assert run(scenario) == 0


def test_noise_in_the_middle_ends_neither_the_server_nor_the_next_stream() -> None:
    async def scenario(decoders: LiveDecoders) -> None:
        data = recorded(TONE, RATE, "webm")
        noise = np.random.default_rng(0).integers(0, 256, 20_000, np.uint8).tobytes()
        async with decoders.opened() as decoder:
            with contextlib.suppress(UnreadableAudio):
                await decode(decoder, data[:5_000] + noise + data[5_000:])
        async with decoders.opened() as decoder:
            assert len(await decode(decoder, data)) > 2.9 * RATE_HZ

    run(scenario)


def test_a_child_that_dies_is_told_to_its_caller_only() -> None:
    async def scenario(decoders: LiveDecoders) -> None:
        data = recorded(TONE, RATE, "ogg")
        async with decoders.opened() as decoder, decoders.opened() as other:
            await decoder.convert(data[:5_000], Taken())
            first, *_ = decoders._sandbox.pids
            os.kill(first, signal.SIGKILL)
            outcomes = await asyncio.gather(decode(decoder, data), decode(other, data), return_exceptions=True)
        assert sorted(type(outcome).__name__ for outcome in outcomes) == ["UnreadableAudio", "ndarray"]

    run(scenario)


def test_one_stream_too_many_is_refused_and_taken_when_another_one_has_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_recording, "NUM_LIVE_RECORDINGS", 1)

    async def scenario(decoders: LiveDecoders) -> None:
        async with decoders.opened():
            with pytest.raises(Unavailable, match="limit"):
                await decoders.opened().__aenter__()
        async with decoders.opened() as decoder:
            assert len(await decode(decoder, recorded(TONE, RATE, "ogg")))

    run(scenario)


def test_a_stream_that_is_left_ends_its_child() -> None:
    async def scenario(decoders: LiveDecoders) -> None:
        async with decoders.opened() as decoder:
            await decoder.convert(recorded(TONE, RATE, "ogg")[:5_000], Taken())
            [pid] = decoders._sandbox.pids
        assert decoders._sandbox.pids == []
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)

    run(scenario)


def test_closing_ends_open_streams() -> None:
    async def scenario(decoders: LiveDecoders) -> None:
        async with decoders.opened() as decoder:
            await decoders.aclose()
            with pytest.raises(UnreadableAudio):
                await decode(decoder, recorded(TONE, RATE, "ogg"))
        with pytest.raises(Draining):
            await decoders.opened().__aenter__()

    run(scenario)
