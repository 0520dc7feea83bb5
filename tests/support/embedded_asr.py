"""The embedded Whisper model, and speech for it."""

import asyncio

import numpy as np
import pytest
from numpy.typing import NDArray

from app.asr.base import SAMPLE_RATE_HZ, RecognitionEvent, RecognizedSegment, Recognizer, TranscriptionRequest
from app.asr.factory import build_recognizer
from app.asr.installation import choose_model
from app.errors import EngineUnavailable
from app.settings import Settings

SETTINGS = Settings(asr_model="embedded")


def needs_embedded_model() -> None:
    """Skip the test, and name the missing packages, where `make asr` was not run."""
    try:
        choose_model(SETTINGS)
    except EngineUnavailable as error:
        pytest.skip(str(error))


def open_embedded() -> Recognizer:
    return build_recognizer(SETTINGS, choose_model(SETTINGS))


def at_model_rate(samples: NDArray[np.float32], sample_rate_hz: int) -> NDArray[np.float32]:
    num_wanted = round(len(samples) * SAMPLE_RATE_HZ / sample_rate_hz)
    at = np.arange(num_wanted) * (sample_rate_hz / SAMPLE_RATE_HZ)
    return np.interp(at, np.arange(len(samples)), samples).astype(np.float32)


async def _recognize(recognizer: Recognizer, requests: list[TranscriptionRequest]) -> list[list[RecognitionEvent]]:
    async def one(request: TranscriptionRequest) -> list[RecognitionEvent]:
        return [event async for event in recognizer.submit(request)]

    return list(await asyncio.gather(*map(one, requests)))


def recognize_all(requests: list[TranscriptionRequest]) -> list[list[RecognitionEvent]]:
    """The events of each request; all are submitted at the same time."""

    async def whole() -> list[list[RecognitionEvent]]:
        recognizer = open_embedded()
        try:
            return await _recognize(recognizer, requests)
        finally:
            await recognizer.aclose()

    return asyncio.run(whole())


def text_of(events: list[RecognitionEvent]) -> str:
    return "".join(event.text for event in events if isinstance(event, RecognizedSegment)).strip()
