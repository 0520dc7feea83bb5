"""Streams of the load generator: of a service in this process, and over HTTP."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import numpy as np
import pytest

from app.bench.streams import SENTENCES, http_streams, service_streams, text_of
from app.engine.values import Samples
from app.errors import QueueFull, Unavailable
from app.lifecycle import Lifecycle
from app.settings import Settings
from app.speech.service import SpeechService
from tests.support.fake_engine import FakeEngine


class Body(httpx.AsyncByteStream):
    def __init__(self, pieces: list[bytes]) -> None:
        self._pieces = pieces

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self._pieces:
            yield piece


def ask(status: int, *pieces: bytes) -> list[Samples]:
    """The pieces of audio that an answer is read as."""

    async def run() -> list[Samples]:
        transport = httpx.MockTransport(lambda _: httpx.Response(status, stream=Body(list(pieces))))
        async with httpx.AsyncClient(base_url="http://127.0.0.1", transport=transport) as client:
            return [samples async for samples in http_streams(client)(SENTENCES[0], 1)]

    return asyncio.run(run())


def service(engine: FakeEngine, data: Path) -> SpeechService:
    lifecycle = Lifecycle()
    lifecycle.is_ready()
    return SpeechService(engine, Settings(data=data), lifecycle)


def test_a_sample_that_arrives_in_two_pieces_is_read_once() -> None:
    whole = np.array([100, -200, 300, -400], "<i2").tobytes()
    pieces = ask(200, whole[:3], whole[3:4], whole[4:7], whole[7:])
    assert [len(piece) for piece in pieces] == [1, 1, 1, 1]
    assert (np.concatenate(pieces) * 32_768).tolist() == [100, -200, 300, -400]


@pytest.mark.parametrize("status", [429, 503])
def test_an_answer_that_says_later_is_a_refusal(status: int) -> None:
    with pytest.raises(Unavailable, match=f"^the server answers {status}: no place$"):
        ask(status, b'{"error": {"message": ', b'"no place"}}')


@pytest.mark.parametrize("body", [b"<html>bad gateway", b"[]", b"\xff", b'{"error": "no"}', b""])
def test_an_error_that_is_not_of_chorus_is_named_too(body: bytes) -> None:
    with pytest.raises(httpx.HTTPError, match=r"^the server answers 502: "):
        ask(502, body)


def test_a_listener_who_leaves_gives_its_place_in_the_engine_back(tmp_path: Path) -> None:
    async def leave() -> None:
        engine = FakeEngine()
        stream = service_streams(service(engine, tmp_path))(f"{SENTENCES[0]} Now wait for ever.", 1)
        assert (await anext(stream)).size > 0
        assert engine.stats().admitted_requests == 1
        await stream.aclose()
        assert engine.stats().admitted_requests == 0
        await engine.aclose()

    asyncio.run(leave())


def test_a_full_engine_refuses_before_the_first_piece(tmp_path: Path) -> None:
    async def refused() -> None:
        engine = FakeEngine(max_slots=1, max_queue=0)
        open_stream = service_streams(service(engine, tmp_path))
        first = open_stream(f"{SENTENCES[0]} Now wait for ever.", 1)
        await anext(first)
        with pytest.raises(QueueFull):
            await anext(open_stream(SENTENCES[1], 2))
        assert engine.requests[0].streaming
        await first.aclose()
        await engine.aclose()

    asyncio.run(refused())


def test_a_text_of_several_sentences_begins_with_the_one_of_its_number_and_goes_round() -> None:
    assert text_of(9, num_sentences=1) == SENTENCES[1]
    assert text_of(7, num_sentences=3) == " ".join((SENTENCES[7], SENTENCES[0], SENTENCES[1]))
