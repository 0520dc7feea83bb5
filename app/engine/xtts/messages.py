"""What the event loop says to the device's thread."""

from collections.abc import Callable

import msgspec

from app.audio.reference import ReferenceClip
from app.engine.scheduler import Work
from app.engine.xtts.sequence import Job
from app.engine.xtts.voice.speakers import VoiceConditioning


class Submit(msgspec.Struct, frozen=True):
    """Speak this."""

    job: Job


class Cancel(msgspec.Struct, frozen=True):
    """The caller wants no more. Also sent when everything was taken: forgetting twice does no harm."""

    work: Work


class Taken(msgspec.Struct, frozen=True):
    """The caller has taken audio."""

    work: Work
    seconds: float


class Condition(msgspec.Struct, frozen=True):
    """Listen to these recordings; `done` is called on the device's thread."""

    clips: tuple[ReferenceClip, ...]
    done: Callable[[VoiceConditioning | Exception], None]


class Stop(msgspec.Struct, frozen=True):
    """End the thread."""


Message = Submit | Cancel | Taken | Condition | Stop
