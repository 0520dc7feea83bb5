"""Receivers of a request's audio."""

from typing import Protocol

from app.engine.values import AudioChunk


class AudioSink(Protocol):
    """Receives the audio of one request, on the thread that makes it."""

    def deliver(self, chunk: AudioChunk) -> None: ...

    def warn(self, warning: str) -> None: ...

    def fail(self, error: BaseException) -> None: ...


class NoSink:
    """The sink of a request that is not admitted."""

    def deliver(self, chunk: AudioChunk) -> None:
        raise AssertionError("the request is not admitted")

    def warn(self, warning: str) -> None:
        raise AssertionError("the request is not admitted")

    def fail(self, error: BaseException) -> None:
        raise AssertionError("the request is not admitted") from error


NO_SINK = NoSink()
