"""Messages to the thread that owns the device."""

import msgspec

from app.engine.scheduler import Request
from app.engine.xtts.cloning import CloneVoice


class Speak(msgspec.Struct, frozen=True):
    """Decode an admitted request."""

    request: Request


class Cancel(msgspec.Struct, frozen=True):
    """Also sent when all audio was taken: forgetting twice does no harm."""

    request: Request


class AudioConsumed(msgspec.Struct, frozen=True):
    """The caller has taken audio."""

    request: Request
    seconds: float


class Stop(msgspec.Struct, frozen=True):
    """End the thread."""


Message = Speak | Cancel | AudioConsumed | CloneVoice | Stop
