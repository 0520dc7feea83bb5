"""Voices of recordings, on the event loop: each is made once, for all callers that wait for it.

The device's thread does the work.
"""

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Callable, Sequence

import msgspec

from app.audio.reference import ReferenceClip
from app.engine.admission import Admission, ClonePlace
from app.engine.values import Voice
from app.engine.xtts.cloning import CloneVoice
from app.engine.xtts.voice.speakers import VoiceConditioning

MAX_CLONES = 256
"""Voices that are kept, 130 KB each."""


class _Pending(msgspec.Struct, eq=False):
    """A clone that is waited for."""

    clone: CloneVoice
    place: ClonePlace
    voice: asyncio.Future[Voice]
    num_waiters: int = 0


class Clones:
    """`send` hands a clone to the device's thread."""

    def __init__(self, admission: Admission, send: Callable[[CloneVoice], None], clock: Callable[[], float]) -> None:
        self._admission = admission
        self._send = send
        self._clock = clock
        self._made: OrderedDict[str, Voice] = OrderedDict()
        self._pending: dict[str, _Pending] = {}

    async def voice_of(self, clips: Sequence[ReferenceClip]) -> Voice:
        """The voice of the clips. Callers with the same clips share one conditioning.

        It is cancelled when all of them have left. Raises QueueFull at once.
        """
        key = hashlib.sha256("".join(clip.sha256 for clip in clips).encode()).hexdigest()
        if key in self._made:
            self._made.move_to_end(key)
            return self._made[key]
        pending = self._pending.get(key) or self._start(key, tuple(clips))
        pending.num_waiters += 1
        try:
            # Shielded: a caller who leaves must not cancel the voice of the others.
            return await asyncio.shield(pending.voice)
        finally:
            pending.num_waiters -= 1
            if pending.num_waiters == 0 and not pending.voice.done():
                pending.voice.cancel()
                pending.clone.is_cancelled = True
                self._forget(key, pending)

    def _start(self, key: str, clips: tuple[ReferenceClip, ...]) -> _Pending:
        loop = asyncio.get_running_loop()

        def done(result: VoiceConditioning | Exception) -> None:
            """On the device's thread."""
            if not loop.is_closed():
                loop.call_soon_threadsafe(self._settle, key, pending, result)

        clone = CloneVoice(clips, done)
        place = self._admission.admit_clone(clone.reference_s, self._clock())
        pending = self._pending[key] = _Pending(clone, place, loop.create_future())
        self._send(clone)
        return pending

    def _settle(self, key: str, pending: _Pending, result: VoiceConditioning | Exception) -> None:
        if pending.voice.done():
            return  # all callers have left meanwhile
        self._forget(key, pending)
        if isinstance(result, Exception):
            pending.voice.set_exception(result)
            return
        voice = Voice(id=f"clone-{key[:16]}", conditioning=result)
        self._made[key] = voice
        if len(self._made) > MAX_CLONES:
            self._made.popitem(last=False)
        pending.voice.set_result(voice)

    def _forget(self, key: str, pending: _Pending) -> None:
        self._admission.release(pending.place)
        if self._pending.get(key) is pending:
            del self._pending[key]
