"""The gate that stops the syntheses of books while a caller waits for its first audio.

A book's synthesis passes the gate before and after the network, and before and after the noise is drawn. A run of the
network that is under way when the gate closes is stopped after its current operator and repeated later; the steps of
numpy between two of these points take at most 10 ms and are not interrupted.
"""

import asyncio
import copy
import threading
import time
from collections.abc import Iterable
from typing import Any

import numpy as np
import onnxruntime  # pyright: ignore[reportMissingTypeStubs]
from hibari import Hibari  # pyright: ignore[reportMissingTypeStubs]

from app.engine.scheduler import Request
from app.engine.values import Samples

SENDING_S = 0.02
"""The gate stays closed so long after the first audio of the last caller was made, which is then encoded and sent."""
MAX_STOPS = 3
"""A run that was stopped so often is finished at its next attempt."""
MAX_HOLD_S = 1.0
"""The longest time that one synthesis waits at the gate, in all: callers that come without a pause slow a book and
never halt it."""
_FATAL = 4
"""Severity of onnxruntime's log: a run that is stopped is no error."""


class Hold:
    """The time that one synthesis may still wait at the gate; `left_s` goes down to 0."""

    def __init__(self, left_s: float = MAX_HOLD_S) -> None:
        self.left_s = left_s

    def wait(self, event: threading.Event) -> None:
        began_at_s = time.monotonic()
        event.wait(self.left_s)
        self.left_s = max(0.0, self.left_s - (time.monotonic() - began_at_s))


class Gate:
    """`wait` and `run` are called on the threads of books, all other methods on the event loop."""

    def __init__(self) -> None:
        self._is_open = threading.Event()
        self._is_open.set()
        self._running: set[Any] = set()
        """RunOptions of the runs that may be stopped; Any: onnxruntime leaves its types unknown.

        Without a lock, which a thread of low priority could hold while the event loop waits: operations are atomic.
        """
        self._opening: asyncio.TimerHandle | None = None

    @property
    def is_open(self) -> bool:
        return self._is_open.is_set()

    def update(self, requests: Iterable[Request]) -> None:
        """Close the gate while one of `requests` is a caller's that waits for its first audio."""
        if any(_waits(request) for request in requests):
            self._cancel_opening()
            self._close()
        elif self._opening is None and not self._is_open.is_set():
            self._opening = asyncio.get_running_loop().call_later(SENDING_S, self.open)

    def open(self) -> None:
        self._cancel_opening()
        self._is_open.set()

    def _cancel_opening(self) -> None:
        if self._opening is not None:
            self._opening.cancel()
            self._opening = None

    def _close(self) -> None:
        self._is_open.clear()
        for options in tuple(self._running):
            options.terminate = True

    def wait(self, hold: Hold) -> None:
        """Return at once while the gate is open, else when it opens or `hold` has no time left."""
        hold.wait(self._is_open)

    def run(self, session: Any, inputs: dict[str, Any], hold: Hold) -> list[Any]:  # Any: as above
        """The outputs of `session`. Raises what `session` raises, except for a stop."""
        num_stops = 0
        while True:
            self.wait(hold)
            options = _new_options()
            if num_stops < MAX_STOPS and hold.left_s:
                self._running.add(options)
                if not self._is_open.is_set():  # it has closed since
                    self._running.discard(options)
                    continue
            try:
                outputs = session.run(None, inputs, options)
            except Exception:
                if not options.terminate:
                    raise
                num_stops += 1
            else:
                self.wait(hold)
                return outputs
            finally:
                self._running.discard(options)


class GatedVoice:
    """`voice` for books: the same samples, its weights and its lexicon, with `gate` on the way."""

    def __init__(self, voice: Hibari, gate: Gate) -> None:
        self._voice = voice
        self._gate = gate

    def __call__(self, text: str, *, speed: float = 1.0, seed: int = 0) -> Samples:
        """[samples], as `voice` speaks `text`; empty where it has no sound."""
        hold = Hold()
        voice: Any = copy.copy(self._voice)  # Any: its session is another class, and hibari has no types
        voice.sess = _GatedSession(self._voice.sess, self._gate, hold)
        noise = _GatedNoise(np.random.default_rng(seed), self._gate, hold)
        spoken = [voice.from_ids(voice.ids(phonemes), speed, noise) for phonemes in voice.phonemize(text)]
        return np.concatenate([np.zeros(0, np.float32), *spoken])


class _GatedSession:
    """The part of onnxruntime.InferenceSession that hibari calls."""

    def __init__(self, session: Any, gate: Gate, hold: Hold) -> None:
        self._session = session
        self._gate = gate
        self._hold = hold

    def run(self, _outputs: None, inputs: dict[str, Any]) -> list[Any]:
        return self._gate.run(self._session, inputs, self._hold)


class _GatedNoise:
    """The part of numpy.random.Generator that hibari calls, in the middle of its synthesis."""

    def __init__(self, generator: np.random.Generator, gate: Gate, hold: Hold) -> None:
        self._generator = generator
        self._gate = gate
        self._hold = hold

    def standard_normal(self, size: tuple[int, ...], dtype: type[np.float32]) -> Samples:
        self._gate.wait(self._hold)
        drawn = self._generator.standard_normal(size, dtype=dtype)
        self._gate.wait(self._hold)
        return drawn


def _waits(request: Request) -> bool:
    return not (request.is_background or request.made_s or request.is_finished)


def _new_options() -> Any:
    return _quiet(onnxruntime.RunOptions())  # pyright: ignore[reportUnknownMemberType]


def _quiet(options: Any) -> Any:
    options.log_severity_level = _FATAL
    return options
