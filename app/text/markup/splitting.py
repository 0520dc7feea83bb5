"""Spans to segments: each span is cut by itself, so that a segment has one language and one rate."""

from collections.abc import Iterable, Mapping

import msgspec

from app.text.markup.pauses import MAX_PAUSE_S
from app.text.markup.spans import Span
from app.text.segments import Segment, split_segments


class SplitText(msgspec.Struct, frozen=True):
    """`lead_s` is the silence before the first segment."""

    segments: tuple[Segment, ...]
    lead_s: float = 0.0


def split_spans(spans: Iterable[Span], *, language: str, max_chars: Mapping[str, int], opens: bool = True) -> SplitText:
    """Cut the spans of a text into segments, numbered through the text.

    language    of spans that name none
    max_chars   language -> characters of one segment
    opens       as in `split_segments`

    The pause of a span without anything to speak is added to the one before it.
    """
    segments: list[Segment] = []
    lead_s = 0.0
    for span in spans:
        spoken_in = span.language or language
        is_first = opens and not segments
        found = split_segments(span.text, language=spoken_in, max_chars=max_chars[spoken_in], opens=is_first)
        for segment in found:
            segments.append(
                msgspec.structs.replace(segment, index=len(segments), language=span.language, rate=span.rate)
            )
        if found:
            segments[-1] = msgspec.structs.replace(segments[-1], boundary=span.boundary, pause_s=span.pause_s)
        elif span.pause_s is not None and segments:
            pause_s = min(MAX_PAUSE_S, (segments[-1].pause_s or 0.0) + span.pause_s)
            segments[-1] = msgspec.structs.replace(segments[-1], pause_s=pause_s)
        elif span.pause_s is not None:
            lead_s = min(MAX_PAUSE_S, lead_s + span.pause_s)
    return SplitText(tuple(segments), lead_s)
