"""Documents in reading order to chapters: cut where the table of contents says, else at documents and headings."""

from collections.abc import Iterator, Sequence

import msgspec

from app.books.reading.navigation import Entry
from app.books.reading.prose import SCENE_BREAK, Prose
from app.text.cleaning import PARAGRAPH_BREAK

MAX_TITLE_FROM_TEXT_CHARS = 60


class Document(msgspec.Struct, frozen=True):
    """`entries`: those of the table of contents that lead into it; `title`: as its `title` element says."""

    prose: Prose
    entries: tuple[Entry, ...] = ()
    title: str = ""


class _Cut(msgspec.Struct, frozen=True):
    """A chapter begins at a paragraph of a document. `title` "": as its first heading or words say."""

    document: int
    paragraph: int
    title: str


def make_chapters(documents: Sequence[Document], book_title: str) -> Iterator[tuple[str, str]]:
    """(title, text) of each chapter with words. Text before the first entry has the book's title."""
    has_contents = any(document.entries for document in documents)
    cuts = _cuts_of_contents(documents, book_title) if has_contents else _cuts_of_documents(documents)
    for number, cut in enumerate(cuts):
        following = cuts[number + 1] if number + 1 < len(cuts) else _Cut(len(documents), 0, "")
        paragraphs = list(_between(documents, cut, following))
        words = [paragraph for paragraph in paragraphs if paragraph != SCENE_BREAK]
        if any(char.isalnum() for paragraph in words for char in paragraph):
            yield cut.title or _title_of(documents, cut, words), PARAGRAPH_BREAK.join(paragraphs)


def _cuts_of_contents(documents: Sequence[Document], book_title: str) -> list[_Cut]:
    cuts: dict[tuple[int, int], str] = {}
    for index, document in enumerate(documents):
        for entry in document.entries:
            place = (index, document.prose.anchors.get(entry.fragment, 0))
            # Part one and its first chapter may begin on the same page.
            titles = [cuts[place], entry.title] if place in cuts else [entry.title]
            cuts[place] = ": ".join(dict.fromkeys(titles))
    cuts.setdefault((0, 0), book_title)
    return [_Cut(*place, title) for place, title in sorted(cuts.items())]


def _cuts_of_documents(documents: Sequence[Document]) -> list[_Cut]:
    """A chapter for each document, or for each of its greatest headings where it has several."""
    cuts: list[_Cut] = []
    for index, document in enumerate(documents):
        headings = document.prose.headings
        level = min((heading.level for heading in headings), default=0)
        places = [heading.paragraph for heading in headings if heading.level == level]
        if len(places) < 2:
            places = [0]
        elif any(map(str.isalnum, "".join(document.prose.paragraphs[: places[0]]))):
            places.insert(0, 0)
        else:
            places[0] = 0
        cuts += [_Cut(index, place, "") for place in places]
    return cuts


def _between(documents: Sequence[Document], start: _Cut, end: _Cut) -> Iterator[str]:
    for index in range(start.document, min(end.document + 1, len(documents))):
        paragraphs = documents[index].prose.paragraphs
        first = start.paragraph if index == start.document else 0
        yield from paragraphs[first : end.paragraph if index == end.document else None]


def _title_of(documents: Sequence[Document], cut: _Cut, words: Sequence[str]) -> str:
    document = documents[cut.document]
    for heading in document.prose.headings:
        if heading.paragraph >= cut.paragraph:
            return document.prose.paragraphs[heading.paragraph]
    opening = words[0]
    if len(opening) <= MAX_TITLE_FROM_TEXT_CHARS:
        return opening
    return opening[:MAX_TITLE_FROM_TEXT_CHARS].rpartition(" ")[0] + "…"
