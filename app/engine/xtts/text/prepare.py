"""Segments spelt out and tokenised, and cut again where they are more than the model can read.

A sentence full of numbers is several times as long once spelt out. It is cut in the written form, so that captions show
the caller's own text.
"""

from collections.abc import Iterator, Sequence

import msgspec

from app.engine.xtts.config import ModelArgs
from app.engine.xtts.runaway import Guards, budget_of
from app.engine.xtts.sequence import XttsSequence
from app.engine.xtts.text.tokenizer import TextTokenizer
from app.text.languages import max_chars
from app.text.lexicon import FindLexicons, no_lexicons
from app.text.reading import read
from app.text.segments import Boundary, Segment, best_cut

CHARS_PER_S = 14.0
"""Pace of ordinary speech, in characters of spelt-out text."""
FAST_CHARS_PER_S = 16.0
"""Text longer than the model's longest segment at this pace is cut."""
SECONDS_BESIDE_TEXT = 0.3


class TextPreparer:
    """Any thread may use it."""

    def __init__(self, tokenizer: TextTokenizer, args: ModelArgs, guards: Guards) -> None:
        self._tokenizer = tokenizer
        self._args = args
        self._guards = guards
        self._max_audio_s = args.max_audio_codes * args.code_s

    def prepare(
        self, segments: Sequence[Segment], language: str, find_lexicons: FindLexicons = no_lexicons
    ) -> tuple[XttsSequence, ...]:
        """A sequence of each segment, or several where it is too long; numbered in their order.

        language   of segments that name none
        """
        fitting = [
            piece
            for segment in segments
            for piece in self._fitting(segment, segment.language or language, find_lexicons)
        ]
        for index, sequence in enumerate(fitting):
            sequence.segment = msgspec.structs.replace(sequence.segment, index=index)
        return tuple(fitting)

    def _fitting(self, segment: Segment, language: str, find_lexicons: FindLexicons) -> Iterator[XttsSequence]:
        text = segment.text
        said = read(text, language, find_lexicons(language)).text
        spoken = self._tokenizer.spell(said, language)
        tokens = self._tokenizer.encode(spoken, language)
        # A spelt-out segment may be as long as a language allows.
        max_spoken_chars = max(max_chars(language), int(FAST_CHARS_PER_S * self._max_audio_s))
        if len(text) > 1 and (len(tokens) >= self._tokenizer.max_text_tokens or len(spoken) > max_spoken_chars):
            at = best_cut(text, wanted=len(text) // 2, limit=len(text) - 1)
            first, rest = text[:at].rstrip(), text[at:].lstrip()
            opening = msgspec.structs.replace(segment, text=first, boundary=Boundary.CLAUSE, pause_s=None)
            yield from self._fitting(opening, language, find_lexicons)
            yield from self._fitting(msgspec.structs.replace(segment, text=rest), language, find_lexicons)
            return
        unspoken = self._tokenizer.unspoken(said, language)
        yield XttsSequence(
            segment=segment,
            language=language,
            spoken_text=spoken,
            normal_s=self._normal_s(spoken),
            unspoken=unspoken,
            has_sound=any(char.isalnum() and char not in unspoken for char in said),
            model_args=self._args,
            text_tokens=tuple(tokens),
            budget=budget_of(spoken, code_s=self._args.code_s, limit=self._args.max_audio_codes, guards=self._guards),
        )

    def _normal_s(self, spoken: str) -> float:
        if self._guards.exact_codes is not None:
            return self._guards.exact_codes * self._args.code_s
        return min(self._max_audio_s, SECONDS_BESIDE_TEXT + len(spoken) / CHARS_PER_S)
