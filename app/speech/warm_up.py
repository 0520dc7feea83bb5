"""Work of the first request, done before it."""

from app.engine.base import Engine
from app.pools import TEXT
from app.text.segments import Boundary, Segment
from app.voices.levels import speak_and_measure

DICTIONARY_TEXTS = {"zh-cn": "你好 1", "ja": "今日は 1", "ko": "안녕 1"}
"""Languages whose preparation loads a dictionary: 0.5 s for Chinese."""
ANY_TEXT = "1"
"""A number loads a language's grammar and number words: 20 to 90 ms."""


async def warm_up(engine: Engine) -> None:
    """Load grammars and dictionaries of the engine's languages, and measure the level of the default voice.

    Raises what the engine raises.
    """
    for language in engine.info.languages:
        text = DICTIONARY_TEXTS.get(language, ANY_TEXT)
        await TEXT.run(engine.prepare, [Segment(0, text, Boundary.SENTENCE)], language)
    if speakers := engine.speakers():
        voice = engine.voice(speakers[0].id)
        level = await speak_and_measure(engine, voice)
        voice.level = voice.level or level
