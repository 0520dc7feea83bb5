"""A lexicon: how words are said, `Nginx` as `engine x`. Applied to the written text first.

Texts are compared token by token, whatever the white space between them. A token is a run of letters and digits, a
single sign, a single Chinese character, hiragana or hangul syllable, or a run of katakana. So an entry is found inside
Chinese and Japanese text, which has no spaces, and in Korean before a particle.
"""

import re
import unicodedata
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Annotated

import msgspec
from msgspec import Meta

from app.text.normalization.rule import Change

MAX_WORD_CHARS = 60
"""Also bounds the look-ups at each word of a text."""
MAX_SAID_CHARS = 200
"""A replacement always fits into one segment of every engine."""
NOT_BLANK = r"[^\s\x1c-\x1f\x85\ufeff]"
"""A character that is no blank to Python, nor to JSON Schema: their `\\s` differ."""

_CHARACTER = r"\u3041-\u309f\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uac00-\ud7a3"
_KATAKANA = r"\u30a1-\u30ff\uff66-\uff9f"
# Vowel signs and other marks of words that `\w` leaves out.
_MARKS = (
    r"\u0300-\u036f\u0483-\u0487\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06ed"
    r"\u0900-\u0963\u0966-\u0dff\u0e31-\u0e3a\u0e47-\u0e4e\u200c\u200d"
)
_TOKEN = re.compile(rf"[{_CHARACTER}]|[{_KATAKANA}]+|(?:(?![{_CHARACTER}{_KATAKANA}])[\w{_MARKS}])+|[^\w\s]")
_HANGUL_RUN = re.compile(r"[\uac00-\ud7a3]*")
_PARTICLE_WORDS = (
    "은 는 이 가 을 를 의 에 에서 에게 에게서 께 께서 로 으로 로서 으로서 로써 으로써 와 과 랑 이랑 하고 도 만 "
    "뿐 부터 까지 마다 보다 처럼 같이 만큼 나 이나 든지 이든지 라도 이라도 조차 마저 밖에 들 들은 들이 들을 "
    "들의 님 님은 님이 씨 씨는 씨가 에는 에도 에서는 에서도 로는 으로는 와는 과는 까지는 부터는 이다 다 입니다 "
    "이에요 예요 이야 야 인 이며 며 이고 고 라는 이라는 라고 이라고"
)
_PARTICLES = frozenset(_PARTICLE_WORDS.split())
"""Korean particles, which follow a name without a space."""


class Pronunciation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An entry of a lexicon."""

    say: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=MAX_SAID_CHARS,
            pattern=NOT_BLANK,
            description="The words, in the text's own language",
        ),
    ]
    case_sensitive: Annotated[bool, Meta(description="Whether only this very spelling is replaced")] = False


Entries = Mapping[str, str | Pronunciation]
"""Word as it is written -> how it is said; a plain string is said in every spelling."""


class Lexicon:
    """Entries made ready for look-ups; immutable, for any thread.

    Of two entries for one spelling the later counts. Raises ValueError, which names the entry, for one that is blank or
    too long.
    """

    def __init__(self, entries: Entries) -> None:
        self._exact: dict[str, str] = {}
        self._any_case: dict[str, str] = {}
        self._lengths: dict[str, set[int]] = {}
        """first token in small letters -> numbers of tokens of the entries that begin with it"""
        for word, said in entries.items():
            self._add(word, said if isinstance(said, Pronunciation) else Pronunciation(say=said))

    def __len__(self) -> int:
        return len(self._exact) + len(self._any_case)

    def lengths(self, first: str) -> Collection[int]:
        return self._lengths.get(first, ())

    def find(self, key: str) -> str | None:
        """How the tokens of `key`, joined by spaces, are said."""
        return self._exact.get(key) or self._any_case.get(key.casefold())

    def _add(self, word: str, entry: Pronunciation) -> None:
        tokens = _TOKEN.findall(unicodedata.normalize("NFC", word))
        if not tokens:
            raise ValueError(f"the word {word[:MAX_WORD_CHARS]!r} is blank")
        if len(word) > MAX_WORD_CHARS:
            raise ValueError(f"the word {word[:20]!r}... has more than {MAX_WORD_CHARS} characters")
        if not entry.say.strip():
            raise ValueError(f"the replacement of {word!r} is blank; a lexicon cannot leave words out")
        if len(entry.say) > MAX_SAID_CHARS:
            raise ValueError(f"the replacement of {word!r} has more than {MAX_SAID_CHARS} characters")
        key = " ".join(tokens)
        if entry.case_sensitive:
            self._exact[key] = entry.say
        else:
            self._any_case[key.casefold()] = entry.say
        self._lengths.setdefault(tokens[0].casefold(), set()).add(len(tokens))


FindLexicons = Callable[[str], Sequence[Lexicon]]
"""Language -> its lexicons, the most specific first. May block."""


def no_lexicons(language: str) -> Sequence[Lexicon]:
    return ()


def respell(text: str, lexicons: Sequence[Lexicon]) -> tuple[str, list[Change]]:
    """Replace the words of `text` that a lexicon has; return the text and the replacements.

    The longest entry wins, then the earlier lexicon. A replacement is not looked up again.
    """
    lexicons = [lexicon for lexicon in lexicons if len(lexicon)]
    if not lexicons:
        return text, []
    tokens = list(_TOKEN.finditer(text))
    pieces: list[str] = []
    changes: list[Change] = []
    at = index = 0
    while index < len(tokens):
        found = _longest_at(text, tokens, index, lexicons)
        if found is None:
            index += 1
            continue
        num_tokens, said = found
        start, end = tokens[index].start(), tokens[index + num_tokens - 1].end()
        written = text[start:end]
        if said != written:
            changes.append(Change("lexicon", written, said))
            pieces += (text[at:start], said)
            at = end
        index += num_tokens
    return "".join([*pieces, text[at:]]), changes


def _longest_at(
    text: str, tokens: Sequence[re.Match[str]], index: int, lexicons: Sequence[Lexicon]
) -> tuple[int, str] | None:
    first = tokens[index][0].casefold()
    lengths = {length for lexicon in lexicons for length in lexicon.lengths(first) if index + length <= len(tokens)}
    if not lengths or _is_inside_korean_word(text, tokens[index].start()):
        return None
    words = [token[0] for token in tokens[index : index + max(lengths)]]
    for num_tokens in sorted(lengths, reverse=True):
        key = " ".join(words[:num_tokens])
        for lexicon in lexicons:
            said = lexicon.find(key)
            if said is not None and _is_korean_end(text, tokens[index + num_tokens - 1].end()):
                return num_tokens, said
    return None


def _is_hangul(char: str) -> bool:
    return "\uac00" <= char <= "\ud7a3"


def _is_inside_korean_word(text: str, start: int) -> bool:
    return start > 0 and _is_hangul(text[start]) and _is_hangul(text[start - 1])


def _is_korean_end(text: str, end: int) -> bool:
    """True if a word may end at `end`: no Korean syllable follows, or a particle does."""
    rest = _HANGUL_RUN.match(text, end)
    return rest is None or not rest[0] or not _is_hangul(text[end - 1]) or rest[0] in _PARTICLES
