"""Voices out of recordings. Some are kept in memory only, for protocols that hand a voice to their client and get it
back.
"""

import re
from collections import OrderedDict
from collections.abc import Sequence
from contextlib import suppress

from app.audio.reference import ReferenceClip
from app.deadline import Deadline
from app.engine.base import Engine
from app.engine.values import Voice
from app.errors import QueueFull, UnknownSpeaker
from app.voices.consent import GivenConsent
from app.voices.levels import level_of
from app.voices.manifest import VoiceModel

MAX_KEPT = 256
"""260 KB each. The one that was used longest ago is forgotten first."""
_ID = re.compile(r"clone-[0-9a-f]{16}")


def is_clone_id(id: str) -> bool:
    """True for a voice that this process keeps in memory only."""
    return _ID.fullmatch(id) is not None


class Clones:
    """Lives on the event loop."""

    def __init__(self, engine: Engine, model: VoiceModel, *, request_timeout_s: float) -> None:
        self._engine = engine
        self._model = model
        self._request_timeout_s = request_timeout_s
        self._kept: OrderedDict[str, Voice] = OrderedDict()

    async def make(self, clips: Sequence[ReferenceClip], consent: GivenConsent) -> Voice:
        """The voice of recordings, with its level. Raises CloningUnavailable, QueueFull or DeadlineExceeded."""
        consent.log(clips)
        async with Deadline(self._request_timeout_s).overall("the voice was not cloned"):
            voice = await self._engine.clone(clips)
            with suppress(QueueFull):  # measured before its first answer instead
                await level_of(self._engine, voice)
        return voice

    async def keep(self, clips: Sequence[ReferenceClip], consent: GivenConsent) -> str:
        """The id by which `find` knows the voice of recordings; the same ones are cloned once. Raises as `make`."""
        consent.log(clips)
        id = f"clone-{self._model.ids(tuple(clip.sha256 for clip in clips))[0]}"
        if id not in self._kept:
            self._kept[id] = await self.make(clips, consent)
            if len(self._kept) > MAX_KEPT:
                self._kept.popitem(last=False)
        return id

    def find(self, id: str) -> Voice | None:
        """None for an id that is not of this kind. Raises UnknownSpeaker for one that is forgotten."""
        if not _ID.fullmatch(id):
            return None
        if id not in self._kept:
            raise UnknownSpeaker(
                f"the clone {id} is forgotten: clones lie in the memory of one server. Send the recordings again",
                param="speaker_id",
            )
        self._kept.move_to_end(id)
        return self._kept[id]
