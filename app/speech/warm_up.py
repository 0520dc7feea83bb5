"""Warm-up: what an engine makes on first use is made before the first request."""

from app.engine.base import Engine
from app.pools import TEXT
from app.text.segments import Boundary, Segment
from app.voices.levels import speak_and_measure

DICTIONARY_TEXTS = {"zh-cn": "你好", "ja": "今日は", "ko": "안녕"}
"""Languages whose text preparation loads a dictionary: half a second for Chinese."""


async def warm_up(engine: Engine) -> None:
    """Load the dictionaries, and speak a sentence with the default voice, which measures its level.

    Raises what the engine raises: one that cannot speak this is of no use.
    """
    for language, text in DICTIONARY_TEXTS.items():
        if language in engine.info.languages:
            await TEXT.run(engine.prepare, [Segment(0, text, Boundary.SENTENCE)], language)
    if speakers := engine.speakers():
        voice = engine.voice(speakers[0].id)
        level = await speak_and_measure(engine, voice)
        voice.level = voice.level or level
