"""A WhisperRecognizer on a FakeNetwork, and the events of its streams."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from app.asr.base import RecognitionEvent, RecognitionStream, RecognizedSegment
from app.asr.recognizer import WhisperRecognizer
from app.asr.windows import FindSpeech
from tests.support.fake_network import FakeNetwork, find_speech


@asynccontextmanager
async def opened(
    network: FakeNetwork, *, max_batch: int = 4, max_queue: int = 8, find_speech: FindSpeech = find_speech
) -> AsyncIterator[WhisperRecognizer]:
    recognizer = WhisperRecognizer(
        lambda: network,
        find_speech=find_speech,
        model="fake",
        device="none",
        max_batch=max_batch,
        max_per_request=2,
        max_queue=max_queue,
    )
    try:
        yield recognizer
    finally:
        await recognizer.aclose()


async def events_of(stream: RecognitionStream) -> list[RecognitionEvent]:
    return [event async for event in stream]


def texts(events: list[RecognitionEvent]) -> list[str]:
    return [event.text for event in events if isinstance(event, RecognizedSegment)]
