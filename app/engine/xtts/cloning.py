"""Cloning as a part of the engine's turn: at most one piece of one conditioning, within its share of the time."""

from collections import deque
from collections.abc import Callable, Generator

import msgspec
import torch

from app.audio.reference import ReferenceClip
from app.engine.pace import Pace
from app.engine.xtts.voice.conditioning import Conditioner
from app.engine.xtts.voice.speakers import VoiceConditioning
from app.errors import ChorusError, EngineFailure

DECODING_SHARE = 1.5
"""Seconds of decoding between two pieces, for each second of the first: 60 % of the device."""
URGENT_DECODING_SHARE = 4.0
"""The same while a listener is about to hear a gap: 80 % of the device."""


class CloneVoice(msgspec.Struct, eq=False):
    """Condition a voice on recordings. `done` is called once, on the device's thread, unless the clone is cancelled."""

    clips: tuple[ReferenceClip, ...]
    done: Callable[[VoiceConditioning | Exception], None]
    is_cancelled: bool = False
    """set on the event loop when no caller waits any more: the clone is dropped"""

    @property
    def reference_s(self) -> float:
        """Seconds of recordings."""
        return sum(len(clip.samples) / clip.sample_rate_hz for clip in self.clips)


class CloneStage:
    """Clones in order of arrival, one at a time.

    A conditioning of 30 s of recordings takes seconds on a CPU. It is cut at the blocks of its networks, and after each
    piece decoding gets the device until `decoded_for` has paid for it.

    pace   of conditioning, in seconds of recordings a second
    """

    def __init__(self, conditioner: Conditioner, *, clock: Callable[[], float], pace: Pace) -> None:
        self._conditioner = conditioner
        self._clock = clock
        self._pace = pace
        self._waiting: deque[CloneVoice] = deque()
        self._current: CloneVoice | None = None
        self._pieces: Generator[None, None, VoiceConditioning] | None = None
        self._began_at_s = 0.0
        self._owed_s = 0.0

    @property
    def has_work(self) -> bool:
        return self._current is not None or bool(self._waiting)

    def add(self, clone: CloneVoice) -> None:
        self._waiting.append(clone)

    def run(self, *, is_decoding: bool, is_urgent: bool) -> None:
        """Do the next piece, once decoding has had its share.

        Raises torch.AcceleratorError, after it has told the caller, when the device is lost.
        """
        self._drop_cancelled()
        if not is_decoding:
            self._owed_s = 0.0
        if self._owed_s > 0 or not self.has_work:
            return
        began_at_s = self._clock()
        self._do_piece(began_at_s)
        share = URGENT_DECODING_SHARE if is_urgent else DECODING_SHARE
        self._owed_s = share * (self._clock() - began_at_s)

    def decoded_for(self, seconds: float) -> None:
        self._owed_s = max(0.0, self._owed_s - seconds)

    def fail(self, error: Exception) -> None:
        clones = [*([self._current] if self._current else []), *self._waiting]
        self._leave()
        self._waiting.clear()
        for clone in clones:
            clone.done(error)

    def _drop_cancelled(self) -> None:
        if self._current is not None and self._current.is_cancelled:
            self._leave()
        if any(clone.is_cancelled for clone in self._waiting):
            self._waiting = deque(clone for clone in self._waiting if not clone.is_cancelled)

    def _do_piece(self, now_s: float) -> None:
        if self._current is None or self._pieces is None:
            self._current = self._waiting.popleft()
            self._pieces = self._conditioner.pieces(self._current.clips)
            self._began_at_s = now_s
        clone = self._current
        try:
            next(self._pieces)
        except StopIteration as end:
            self._leave()
            self._pace.measured(clone.reference_s, self._clock() - self._began_at_s)
            clone.done(end.value)
        except ChorusError as error:
            self._leave()
            clone.done(error)
        except torch.AcceleratorError as error:
            self._leave()
            clone.done(_failure("the engine failed while it listened to the recordings", error))
            raise
        except Exception as error:  # noqa: BLE001 - recordings of strangers: fails this caller and no other
            self._leave()
            clone.done(_failure("the recordings could not be turned into a voice", error))

    def _leave(self) -> None:
        self._current = self._pieces = None


def _failure(what: str, error: Exception) -> EngineFailure:
    failure = EngineFailure(what)
    failure.__cause__ = error
    return failure
