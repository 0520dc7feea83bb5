"""Provenance of an answer: which voices speak, for whom, and when."""

from collections.abc import Callable, Iterable
from datetime import datetime

from app.audio.provenance import Provenance, new_provenance
from app.engine.base import Engine
from app.engine.values import Voice
from app.observability.request_context import request_context
from app.setting_values import Marks
from app.voices.built_in import utc_now


def provenance_of(
    engine: Engine, voices: Iterable[Voice], marks: Marks, *, now: Callable[[], datetime] = utc_now
) -> Provenance | None:
    """The provenance of an answer to the request of this context. None where `marks` are off.

    Every voice that the engine does not list as its own was made from recordings.
    """
    if not marks.in_force:
        return None
    own = {speaker.id for speaker in engine.speakers()}
    context = request_context.get()
    return new_provenance(
        is_cloned=any(voice.id not in own for voice in voices),
        now=now(),
        request_id=context.request_id,
        server=context.instance,
    )
