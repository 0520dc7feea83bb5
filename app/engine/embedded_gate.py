"""The gate that stops the syntheses of books while a caller waits for its first audio.

A book's synthesis passes the gate before and after the network, and before and after the noise is drawn. A run of the
network that is under way when the gate closes is stopped after its current operator and repeated later; the steps of
numpy between two of these points take at most 10 ms and are not interrupted.
"""

import asyncio
import copy
import threading
from collections.abc import Iterable
from typing import Any

import numpy as np
import onnxruntime  # pyright: ignore[reportMissingTypeStubs]
from hibari import Hibari  # pyright: ignore[reportMissingTypeStubs]

from app.engine.scheduler import Request
from app.engine.values import Samples

SENDING_S = 0.02
"""The gate stays closed so long after the last caller took its first audio, which is then encoded and sent."""
MAX_STOPS = 3
"""A run that was stopped so often is finished at its next attempt: frequent callers slow a book and never halt it."""
_FATAL = 4
"""Severity of onnxruntime's log: a run that is stopped is no error."""


class Gate:
    """`wait` and `run` are called on the threads of books, all other methods on the event loop."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._is_open = threading.Event()
        self._is_open.set()
        self._running: set[Any] = set()
        """RunOptions of the runs that may be stopped; Any: onnxruntime leaves its types unknown"""
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
        with self._lock:
            self._is_open.clear()
            for options in self._running:
                options.terminate = True

    def wait(self) -> None:
        """Return at once while the gate is open, else when it opens."""
        self._is_open.wait()

    def run(self, session: Any, inputs: dict[str, Any]) -> list[Any]:  # Any: as above
        """The outputs of `session`. Raises what `session` raises, except for a stop."""
        num_stops = 0
        while True:
            self._is_open.wait()
            options = _new_options()
            with self._lock:
                if not self._is_open.is_set():
                    continue
                if num_stops < MAX_STOPS:
                    self._running.add(options)
            try:
                outputs = session.run(None, inputs, options)
            except Exception:
                if not options.terminate:
                    raise
                num_stops += 1
            else:
                self._is_open.wait()
                return outputs
            finally:
                with self._lock:
                    self._running.discard(options)


class GatedVoice:
    """`voice` for books: the same samples, its weights and its lexicon, with `gate` on the way."""

    def __init__(self, voice: Hibari, gate: Gate) -> None:
        self._voice: Any = copy.copy(voice)  # Any: its session is another class, and hibari has no types
        self._voice.sess = _GatedSession(voice.sess, gate)
        self._gate = gate

    def __call__(self, text: str, *, speed: float = 1.0, seed: int = 0) -> Samples:
        """[samples], as `voice` speaks `text`; empty where it has no sound."""
        voice = self._voice
        noise = _GatedNoise(np.random.default_rng(seed), self._gate)
        spoken = [voice.from_ids(voice.ids(phonemes), speed, noise) for phonemes in voice.phonemize(text)]
        return np.concatenate([np.zeros(0, np.float32), *spoken])


class _GatedSession:
    """The part of onnxruntime.InferenceSession that hibari calls."""

    def __init__(self, session: Any, gate: Gate) -> None:
        self._session = session
        self._gate = gate

    def run(self, _outputs: None, inputs: dict[str, Any]) -> list[Any]:
        return self._gate.run(self._session, inputs)


class _GatedNoise:
    """The part of numpy.random.Generator that hibari calls, in the middle of its synthesis."""

    def __init__(self, generator: np.random.Generator, gate: Gate) -> None:
        self._generator = generator
        self._gate = gate

    def standard_normal(self, size: tuple[int, ...], dtype: type[np.float32]) -> Samples:
        self._gate.wait()
        drawn = self._generator.standard_normal(size, dtype=dtype)
        self._gate.wait()
        return drawn


def _waits(request: Request) -> bool:
    return not (request.is_background or request.taken_s or request.is_finished)


def _new_options() -> Any:
    return _quiet(onnxruntime.RunOptions())  # pyright: ignore[reportUnknownMemberType]


def _quiet(options: Any) -> Any:
    options.log_severity_level = _FATAL
    return options
