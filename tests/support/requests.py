"""Requests for engines and schedulers in tests."""

from app.engine.base import AudioChunk, Engine, PreparedSegment, SamplingParams, SynthesisRequest, Voice
from app.engine.scheduler import Request
from app.text.segments import Boundary, Segment


class RecordingSink:
    """Keeps what an engine hands to a request."""

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


def admitted(
    *expected_s: float, at_s: float = 0.0, streaming: bool = True, speed: float = 1.0, seed: int = 0
) -> Request:
    """A request of segments that are expected to last so long, admitted `at_s`."""
    segments = tuple(
        PreparedSegment(index, f"segment {index}", Boundary.SENTENCE, expected_s=seconds)
        for index, seconds in enumerate(expected_s)
    )
    asked = SynthesisRequest(
        segments=segments,
        language="en",
        voice=Voice(id="heart"),
        sampling=SamplingParams(seed=seed),
        streaming=streaming,
        speed=speed,
    )
    return Request(asked=asked, sink=RecordingSink(), admitted_at_s=at_s)


def prepared(engine: Engine, *texts: str, language: str = "en") -> tuple[PreparedSegment, ...]:
    """One segment for each text, unless the engine cuts it."""
    segments = [Segment(index, text, Boundary.SENTENCE) for index, text in enumerate(texts)]
    return engine.prepare(segments, language)
