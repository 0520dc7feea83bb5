"""The first sentence, spoken to nobody: what is made on first use is made before the first caller."""

from app.engine.base import Engine, SamplingParams, SynthesisRequest
from app.text.languages import default_language
from app.text.segments import split_segments

SENTENCE = "Good morning."


async def warm_up(engine: Engine) -> None:
    """Speak a sentence and drop it. Raises what the engine raises: one that cannot speak this is of no use.

    An engine without a voice or a sound for it is left as it is.
    """
    language = default_language(engine.info.languages)
    speakers = engine.speakers()
    if not speakers or not engine.has_sound(SENTENCE, language):
        return
    stream = engine.submit(
        SynthesisRequest(
            segments=split_segments(SENTENCE, language=language, max_chars=engine.info.max_segment_chars[language]),
            language=language,
            voice=engine.voice(speakers[0].id),
            sampling=SamplingParams(seed=0),
        )
    )
    try:
        async for _ in stream:
            pass
    finally:
        await stream.aclose()
