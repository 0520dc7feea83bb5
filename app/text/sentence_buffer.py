"""Text that is still being written, to pieces that can be spoken: a sentence leaves once the next has begun with a
whole word.

"Dr." ends no sentence and "3." may go on to "3.14". So the pieces do not depend on how the text was cut on its way,
except that sentences of an open quotation leave one by one.
"""

import re
from collections.abc import Iterator

import msgspec

from app.text.item_lines import ItemLines
from app.text.segments import Boundary, best_cut, is_short, join
from app.text.sentences import split_sentences

_PARAGRAPH_END = re.compile(r"\n[^\S\n]*\n\s*")
_NO_WORDS = re.compile(r"[\s\u3000-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uff00-\uff65]")
"""White space, and the scripts that have none: there every character may be the last of a word."""


class Sentence(msgspec.Struct, frozen=True):
    """Text that can be spoken now: a sentence, several short ones, or a part of a very long one."""

    text: str
    boundary: Boundary


class SentenceBuffer:
    """`max_chars` is the limit of one segment; a text of twice that without an end is cut at a clause.

    has_items   items of lists and rows of tables are pieces of their own
    """

    def __init__(self, language: str, *, max_chars: int, has_items: bool = False) -> None:
        self._language = language
        self._max_chars = max_chars
        self._lines = ItemLines() if has_items else None
        self._text = ""

    def push(self, text: str) -> list[Sentence]:
        """Add text; return the sentences that are whole now, often none."""
        decided = self._lines.feed(text) if self._lines else text
        *paragraphs, rest = _PARAGRAPH_END.split(self._text + decided)
        ready = [sentence for paragraph in paragraphs for sentence in self._all_of(paragraph, Boundary.PARAGRAPH)]
        num_certain = _end_of_last_whole_word(rest, self._max_chars)
        at = taken = 0
        short = ""
        for sentence in split_sentences(rest[:num_certain], self._language)[:-1]:
            at = rest.index(sentence, at) + len(sentence)
            short = join(short, sentence) if short else sentence
            if not is_short(short):
                ready += self._sized(short, Boundary.SENTENCE)
                taken, short = at, ""
        begun, open_word = rest[taken:num_certain], rest[num_certain:]
        space = begun[len(begun.rstrip()) :]
        *clauses, held = self._sized(begun.strip(), Boundary.SENTENCE)
        # White space that may become an empty line with what follows.
        self._text = held.text + ("\n" if "\n" in space else space[:1]) + open_word
        return ready + clauses

    def flush(self) -> list[Sentence]:
        """All the rest, whether its sentence has an end or not."""
        rest = self._text + (self._lines.flush() if self._lines else "")
        self._text = ""
        *paragraphs, last = _PARAGRAPH_END.split(rest)
        ready = [sentence for paragraph in paragraphs for sentence in self._all_of(paragraph, Boundary.PARAGRAPH)]
        return [*ready, *self._all_of(last, Boundary.SENTENCE)]

    def _all_of(self, paragraph: str, boundary: Boundary) -> Iterator[Sentence]:
        short = ""
        sentences = split_sentences(paragraph, self._language)
        for number, sentence in enumerate(sentences, 1):
            is_last = number == len(sentences)
            short = join(short, sentence) if short else sentence
            if is_last or not is_short(short):
                yield from self._sized(short, boundary if is_last else Boundary.SENTENCE)
                short = ""

    def _sized(self, sentence: str, boundary: Boundary) -> Iterator[Sentence]:
        """The sentence; clauses of it first while it is longer than two segments."""
        while len(sentence) > 2 * self._max_chars:
            at = best_cut(sentence, wanted=self._max_chars, limit=self._max_chars)
            yield Sentence(sentence[:at].rstrip(), Boundary.CLAUSE)
            sentence = sentence[at:].lstrip()
        yield Sentence(sentence, boundary)


def _end_of_last_whole_word(text: str, max_chars: int) -> int:
    """Index behind the last character that no further text can make part of a longer word.

    A word longer than a segment is not waited for, because the buffer would grow without end.
    """
    end = len(text)
    start = max(0, end - max_chars)
    while end > start and not _NO_WORDS.match(text[end - 1]):
        end -= 1
    return end if end > start or not start else len(text)
