"""Loudness of a voice: measured on one fixed sentence before its first answer, and kept with the voice.

So a stream need not wait to be measured, and streamed and whole answers have equal samples.
"""

import numpy as np

from app.audio.loudness import SpeechLevel, measure_level
from app.engine.base import Engine
from app.engine.scheduler import Request
from app.engine.values import SamplingParams, Voice
from app.pools import TEXT
from app.text.languages import default_language
from app.text.segments import Boundary, Segment

SENTENCE = "It is good to see you here again."


async def level_of(engine: Engine, voice: Voice) -> SpeechLevel | None:
    """The level of `voice`, measured unless known; None when the engine has no sound for the sentence.

    Measuring takes a place in the engine's queue and raises what the engine raises, QueueFull too.
    """
    if voice.level is None:
        voice.level = await speak_and_measure(engine, voice)
    return voice.level


async def speak_and_measure(engine: Engine, voice: Voice) -> SpeechLevel | None:
    info = engine.info
    language = default_language(info.languages)
    sequences = await TEXT.run(engine.prepare, [Segment(0, SENTENCE, Boundary.PARAGRAPH)], language)
    if not any(sequence.has_sound for sequence in sequences):
        return None
    request = Request(sequences=sequences, voice=voice, sampling=SamplingParams(seed=0), streaming=False)
    stream = engine.submit(request)
    try:
        chunks = [chunk.samples async for chunk in stream]
    finally:
        await stream.aclose()
    return measure_level(np.concatenate(chunks), info.sample_rate_hz)
