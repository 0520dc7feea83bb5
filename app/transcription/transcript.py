"""The result of a transcription."""

import msgspec

from app.asr.base import Finished, RecognizedSegment, Word


class Transcript(msgspec.Struct, frozen=True, kw_only=True):
    """A whole recording as text."""

    segments: tuple[RecognizedSegment, ...]
    receipt: Finished
    warnings: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        return joined(self.segments)

    @property
    def language(self) -> str | None:
        """A code; None where the recording has no speech and none was given."""
        return self.receipt.language

    @property
    def duration_s(self) -> float:
        return self.receipt.duration_s

    @property
    def words(self) -> tuple[Word, ...]:
        return tuple(word for segment in self.segments for word in segment.words)


def joined(segments: tuple[RecognizedSegment, ...]) -> str:
    return "".join(segment.text for segment in segments).strip()
