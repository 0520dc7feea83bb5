"""Streams that listeners open: of a speech service in this process, or of a running server."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager

import httpx
import numpy as np

from app.audio.pcm import INT16_SCALE
from app.engine.values import Samples
from app.errors import Unavailable
from app.speech.request import SpeechRequest
from app.speech.service import SpeechService

OpenStream = Callable[[str, int], AsyncIterator[Samples]]
"""(text, seed) -> pieces of audio as they arrive. Raises Unavailable when the request is refused for now."""

SENTENCES = (
    "The morning was bright and the river ran slowly past the old stone mill.",
    "Nobody had opened its door for years, but today there was smoke above the chimney.",
    "A long road runs from the harbour to the hills, and travellers tell stories about it.",
    "She put the lamp into the highest window, as her mother had done each winter.",
    "When the wind turned in the evening, all the boats came home at the same time.",
    "There is a garden behind the house, and in the garden there is a very old tree.",
    "He read the letter twice, folded it with care, and said nothing until supper.",
    "Rain fell on the roof all night, and in the morning the fields were shining.",
)


def text_of(number: int, *, num_sentences: int) -> str:
    """The text of request `number`: sentences in their order, each request from another one on."""
    return " ".join(SENTENCES[(number + more) % len(SENTENCES)] for more in range(num_sentences))


def service_streams(service: SpeechService) -> OpenStream:
    """Into a service of this process, with its first voice. Raises ChorusError."""

    async def open_stream(text: str, seed: int) -> AsyncIterator[Samples]:
        speech = await service.speak(SpeechRequest(text=text, streaming=True, seed=seed))
        try:
            async for event in speech:
                if isinstance(event, np.ndarray):
                    yield event
        finally:
            await speech.aclose()

    return open_stream


def http_streams(client: httpx.AsyncClient) -> OpenStream:
    """Over `POST /tts` of a running server. Raises Unavailable for 503 and 429, httpx.HTTPError for other failures."""

    async def open_stream(text: str, seed: int) -> AsyncIterator[Samples]:
        async with post_stream(client, text, seed) as answer:
            if not answer.is_success:
                said = f"the server answers {answer.status_code}: {_message(await answer.aread())}"
                raise Unavailable(said) if answer.status_code in (429, 503) else httpx.HTTPError(said)
            async for samples in samples_of(answer):
                yield samples

    return open_stream


def _message(body: bytes) -> str:
    """The message of a server's error; the beginning of the body where something else answers, such as a proxy."""
    try:
        return str(json.loads(body)["error"]["message"])
    except (ValueError, LookupError, TypeError):
        return body[:80].decode(errors="replace")


def post_stream(client: httpx.AsyncClient, text: str, seed: int) -> AbstractAsyncContextManager[httpx.Response]:
    """`POST /tts` for a stream of 16-bit samples at 24 kHz; the body is not read yet."""
    return client.stream("POST", "/tts", json={"text": text, "stream": True, "format": "pcm", "seed": seed})


async def samples_of(answer: httpx.Response) -> AsyncIterator[Samples]:
    """Pieces of a body of 16-bit samples; a sample that is cut in two belongs to the later piece."""
    half = b""
    async for data in answer.aiter_raw():
        data = half + data
        num_whole = len(data) - len(data) % 2
        half = data[num_whole:]
        yield np.frombuffer(data[:num_whole], "<i2").astype(np.float32) / np.float32(INT16_SCALE)
