"""The readers of a book: a narrator, and voices for the people in it.

A text changes the reader with `[voice:NAME]`, up to the next mark or the end of the chapter. A cast file gives voices
to names. With it a paragraph that begins with `NAME:` is read by that voice, as is quoted speech in a paragraph that
names one of the cast beside it.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from app.books.plan import Recipe
from app.errors import InvalidField, quoted
from app.text.cleaning import PARAGRAPH_BREAK
from app.text.lexicon import FindLexicons
from app.text.markup import Markup
from app.text.markup.voices import split_at_voices

NARRATOR = "narrator"
MAX_FILE_BYTES = 1 << 20
# Bounded, because each mark that is not closed is a search to the bound.
_QUOTED = re.compile(r'“[^”]{1,4000}”|"[^"]{1,4000}"|«[^»]{1,4000}»|»[^«]{1,4000}«|„[^“”]{1,4000}[“”]')


class Reader(msgspec.Struct, frozen=True, eq=False):
    recipe: Recipe
    find_lexicons: FindLexicons


class Run(msgspec.Struct, frozen=True):
    """A text that one reader reads. `name`: of the cast, without its case, or of a voice; "": the narrator."""

    name: str
    text: str
    ends_paragraph: bool = True


class Cast:
    """Voices by name, without regard to case.

    narrator   None: the voice that the caller chose
    """

    def __init__(self, voices: Mapping[str, str] | None = None, *, narrator: str | None = None) -> None:
        self.narrator = narrator
        self._voices = {name.casefold(): voice for name, voice in (voices or {}).items()}
        names = "|".join(re.escape(name) for name in sorted(voices or {}, key=len, reverse=True))
        self._named = re.compile(rf"(?<!\w)({names})(?!\w)", re.IGNORECASE) if names else None
        self._label = re.compile(rf"\s*({names})\s*:\s+", re.IGNORECASE) if names else None

    def voice(self, name: str) -> str:
        """The voice of a name that `runs` has given; the name itself where the cast does not have it."""
        return self._voices.get(name, name)

    def runs(self, text: str) -> Iterator[Run]:
        """A chapter in the order of its text; one run for a chapter that has one reader."""
        pieces = split_at_voices(text, Markup.MARKDOWN)
        for number, (named, piece) in enumerate(pieces):
            following = pieces[number + 1][1] if number + 1 < len(pieces) else PARAGRAPH_BREAK
            ends = _breaks(piece[len(piece.rstrip()) :]) or _breaks(
                following[: len(following) - len(following.lstrip())]
            )
            name = self._key(named or "")
            if name or self._named is None:
                yield Run(name, piece, ends)
            else:
                yield from self._split(piece, ends_paragraph=ends)

    def _key(self, name: str) -> str:
        folded = name.casefold()
        return "" if folded == NARRATOR else folded if folded in self._voices else name

    def _split(self, text: str, *, ends_paragraph: bool) -> Iterator[Run]:
        """The narrator's text, with the parts of others in it. Neighbours of one reader are one run."""
        paragraphs = text.split(PARAGRAPH_BREAK)
        held: Run | None = None
        for number, paragraph in enumerate(paragraphs):
            is_last = number == len(paragraphs) - 1
            for run in self._split_paragraph(paragraph, ends_paragraph=ends_paragraph or not is_last):
                if held is None:
                    held = run
                elif held.name == run.name:
                    between = PARAGRAPH_BREAK if held.ends_paragraph else ""
                    held = Run(run.name, f"{held.text}{between}{run.text}", run.ends_paragraph)
                else:
                    yield held
                    held = run
        if held is not None:
            yield held

    def _split_paragraph(self, paragraph: str, *, ends_paragraph: bool) -> Iterator[Run]:
        assert self._named is not None
        assert self._label is not None
        label = self._label.match(paragraph)
        if label is not None:
            yield Run(label[1].casefold(), paragraph[label.end() :], ends_paragraph)
            return
        beside = _QUOTED.sub(" ", paragraph)
        people = {name.casefold() for name in self._named.findall(beside)}
        speaker = people.pop() if len(people) == 1 else ""
        parts: list[tuple[str, str]] = []
        at = 0
        for quotation in _QUOTED.finditer(paragraph) if speaker else ():
            parts += [("", paragraph[at : quotation.start()]), (speaker, quotation[0])]
            at = quotation.end()
        parts.append(("", paragraph[at:]))
        spoken = [(name, part) for name, part in parts if any(map(str.isalnum, part))] or [("", paragraph)]
        for number, (name, part) in enumerate(spoken):
            yield Run(name, part, ends_paragraph if number == len(spoken) - 1 else False)


def read_cast(path: Path) -> Cast:
    """A TOML file: `narrator = "VOICE"`, and names with their voices in the table `voices`. Raises InvalidField."""
    try:
        data = path.read_bytes()
        if len(data) > MAX_FILE_BYTES:
            raise InvalidField(f"--cast: {path} has more than {MAX_FILE_BYTES} bytes")
        table = tomllib.loads(data.decode())
        read = msgspec.convert(table, _CastFile)
    except OSError as error:
        raise InvalidField(f"--cast: {path} cannot be read: {error.strerror}") from error
    except (ValueError, msgspec.ValidationError) as error:
        raise InvalidField(f"--cast: {path} cannot be used: {error}") from error
    for name in read.voices:
        if not any(map(str.isalnum, name)) or name.casefold() == NARRATOR:
            raise InvalidField(f"--cast: {path}: {quoted(name)} is no name for a voice in a text")
    return Cast(read.voices, narrator=read.narrator)


class _CastFile(msgspec.Struct, forbid_unknown_fields=True):
    narrator: str | None = None
    voices: dict[str, str] = {}


def _breaks(blanks: str) -> bool:
    return blanks.count("\n") > 1
