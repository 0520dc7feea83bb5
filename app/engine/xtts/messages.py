"""Messages from the event loop to the device's thread."""

from collections.abc import Callable

import msgspec

from app.audio.reference import ReferenceClip
from app.engine.scheduler import Request
from app.engine.xtts.voice.speakers import VoiceConditioning


class Speak(msgspec.Struct, frozen=True):
    """Decode an admitted request."""

    request: Request


class Cancel(msgspec.Struct, frozen=True):
    """The caller wants no more. Also sent when everything was taken: forgetting twice does no harm."""

    request: Request


class AudioConsumed(msgspec.Struct, frozen=True):
    """The caller has taken audio."""

    request: Request
    seconds: float


class CloneVoice(msgspec.Struct, eq=False):
    """Condition a voice on recordings. `done` is called once, on the device's thread, unless the clone is cancelled."""

    clips: tuple[ReferenceClip, ...]
    done: Callable[[VoiceConditioning | Exception], None]
    is_cancelled: bool = False
    """set on the event loop when no caller waits any more; the device's thread then drops the clone"""

    @property
    def reference_s(self) -> float:
        """Seconds of recordings."""
        return sum(len(clip.samples) / clip.sample_rate_hz for clip in self.clips)


class Stop(msgspec.Struct, frozen=True):
    """End the thread."""


Message = Speak | Cancel | AudioConsumed | CloneVoice | Stop
