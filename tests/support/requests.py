"""Requests for engines and schedulers in tests."""

from app.engine.base import Engine
from app.engine.scheduler import Request, Sequence
from app.engine.values import AudioChunk, SamplingParams, Voice
from app.text.segments import Boundary, Segment


class RecordingSink:
    """Keeps the samples and errors of a request."""

    def __init__(self) -> None:
        self.chunks: list[AudioChunk] = []
        self.warnings: list[str] = []
        self.errors: list[BaseException] = []

    def deliver(self, chunk: AudioChunk) -> None:
        self.chunks.append(chunk)

    def warn(self, warning: str) -> None:
        self.warnings.append(warning)

    def fail(self, error: BaseException) -> None:
        self.errors.append(error)


def sequence(index: int, normal_s: float = 1.0, *, rate: float = 1.0) -> Sequence:
    """A sequence of no engine, `normal_s` seconds long at speed 1."""
    text = f"segment {index}"
    segment = Segment(index, text, Boundary.SENTENCE, rate=rate)
    return Sequence(segment=segment, language="en", spoken_text=text, normal_s=normal_s)


def request_of(
    *expected_s: float, streaming: bool = True, speed: float = 1.0, seed: int = 0, rate: float = 1.0
) -> Request:
    """A request of sequences that are expected to last so long at speed 1."""
    return Request(
        sequences=tuple(sequence(index, seconds, rate=rate) for index, seconds in enumerate(expected_s)),
        voice=Voice(id="heart"),
        sampling=SamplingParams(seed=seed),
        streaming=streaming,
        speed=speed,
    )


def admitted(*expected_s: float, at_s: float = 0.0, streaming: bool = True, speed: float = 1.0) -> Request:
    """`request_of`, admitted `at_s` with a sink of its own."""
    request = request_of(*expected_s, streaming=streaming, speed=speed)
    request.admit(RecordingSink(), at_s)
    return request


def prepared(engine: Engine, *texts: str, language: str = "en") -> tuple[Sequence, ...]:
    """A sequence of each text, unless the engine cuts it."""
    segments = [Segment(index, text, Boundary.SENTENCE) for index, text in enumerate(texts)]
    return engine.prepare(segments, language)
