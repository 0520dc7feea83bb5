"""EPUB files to chapters."""

import pytest

from tests.support.books import make_epub, make_png, nav, ncx, page, read

ONE, TWO = page("<h1>One</h1><p>First.</p>"), page("<h1>Two</h1><p>Second.</p>")


def texts(data: bytes) -> list[tuple[str, str]]:
    return [(chapter.title, chapter.text) for chapter in read(data).chapters]


def test_chapters_come_in_the_order_of_the_spine_with_titles_of_the_navigation() -> None:
    contents = nav(("The Start", "a.xhtml"), ("The End", "b.xhtml"))
    data = make_epub({"a.xhtml": ONE, "b.xhtml": TWO}, contents=contents, spine=["b.xhtml", "a.xhtml"])
    assert texts(data) == [("The End", "Two\n\nSecond."), ("The Start", "One\n\nFirst.")]


def test_titles_keep_the_words_behind_their_inline_marks() -> None:
    contents = nav(("Chapter <i>One</i>: <b>The</b> Start", "a.xhtml"))
    book = read(make_epub({"a.xhtml": page("<p>Words.</p>")}, contents=contents, title="The <i>old</i> Novel"))
    assert book.chapters[0].title == "Chapter One: The Start"
    assert book.title == "The old Novel"


def test_the_table_of_contents_of_epub_2_gives_titles_too() -> None:
    contents = ncx(("The Start", "a.xhtml"), ("The End", "b.xhtml#there"))
    data = make_epub({"a.xhtml": ONE, "b.xhtml": TWO}, contents=contents, is_epub2=True)
    assert [title for title, _ in texts(data)] == ["The Start", "The End"]


def test_title_authors_language_and_cover_come_from_the_package() -> None:
    book = read(make_epub({"a.xhtml": ONE}, contents=nav(("One", "a.xhtml")), cover=make_png(4, 6)))
    assert (book.title, book.author, book.language) == ("The Novel", "Ann Author, Bob Writer", "en")
    assert book.cover is not None
    assert (book.cover.mime_type, book.cover.width, book.cover.height) == ("image/png", 4, 6)
    assert book.warnings == ()


def test_a_cover_that_is_no_picture_is_left_out_with_a_warning() -> None:
    book = read(make_epub({"a.xhtml": ONE}, contents=nav(("One", "a.xhtml")), cover=b"\x89PNG\r\n\x1a\nnothing"))
    assert book.cover is None
    assert book.warnings == ("the cover is left out: it is no JPEG or PNG file",)


def test_one_document_is_cut_where_entries_lead_into_it() -> None:
    body = '<h2 id="i">I</h2><p>First.</p><p>More.</p><h2><a id="ii"></a>II</h2><p>Second.</p>'
    contents = nav(("I", "a.xhtml#i"), ("II", "a.xhtml#ii"))
    assert texts(make_epub({"a.xhtml": page(body)}, contents=contents)) == [
        ("I", "I\n\nFirst.\n\nMore."),
        ("II", "II\n\nSecond."),
    ]


def test_a_document_without_an_entry_belongs_to_the_chapter_before_it() -> None:
    pages = {"a.xhtml": ONE, "b.xhtml": page("<p>Goes on.</p>"), "c.xhtml": TWO}
    contents = nav(("One", "a.xhtml"), ("Two", "c.xhtml"))
    assert texts(make_epub(pages, contents=contents))[0][1] == "One\n\nFirst.\n\nGoes on."


def test_text_before_the_first_entry_has_the_title_of_the_book() -> None:
    pages = {"a.xhtml": page("<p>For my cat.</p>"), "b.xhtml": TWO}
    assert texts(make_epub(pages, contents=nav(("Two", "b.xhtml"))))[0] == ("The Novel", "For my cat.")


def test_two_entries_of_one_place_are_one_chapter() -> None:
    contents = nav(("Part One", "a.xhtml"), ("Chapter 1", "a.xhtml"))
    assert [title for title, _ in texts(make_epub({"a.xhtml": ONE}, contents=contents))] == ["Part One: Chapter 1"]


def test_without_navigation_headings_give_the_chapters_and_a_warning_says_so() -> None:
    book = read(make_epub({"a.xhtml": ONE, "b.xhtml": TWO, "c.xhtml": page("<p>Afterwards.</p>")}))
    assert [chapter.title for chapter in book.chapters] == ["One", "Two", "Afterwards."]
    assert book.warnings == ("the EPUB has no table of contents; its headings give the chapters",)


def test_pictures_navigation_and_empty_pages_are_no_chapters() -> None:
    pages = {
        "cover.xhtml": page('<img src="c.png" alt="Cover"/>'),
        "a.xhtml": ONE,
        "nav.xhtml": nav(("One", "a.xhtml")),
    }
    data = make_epub(pages, contents=nav(("Cover", "cover.xhtml"), ("One", "a.xhtml")))
    assert texts(data) == [("One", "One\n\nFirst.")]


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (
            '<p>A word<a epub:type="noteref" href="#n1">1</a>.</p><aside epub:type="footnote" id="n1">Note</aside>',
            "A word.",
        ),
        ('<p>A word<sup><a href="#n1">1</a></sup>.</p><p id="n1"><a href="#r">1</a> A note.</p>', "A word."),
        (
            '<p>A word<a id="r" href="#n1"><sup>12</sup></a>.</p><ol><li id="n1">Note <a href="#r">back</a></li></ol>',
            "A word.",
        ),
        (
            '<p>A word<a id="FNanchor_1" href="#Footnote_1" class="fnanchor">[1]</a> in it.</p>'
            '<div class="footnote"><p><a id="Footnote_1" href="#FNanchor_1"><span class="label">[1]</span></a> No.</p>'
            "</div>",
            "A word in it.",
        ),
        ('<p>Word<a id="r1" href="#f1">[1]</a> here.</p><p><a id="f1" href="#r1">[1]</a> A note.</p>', "Word here."),
        ('<p>One <span epub:type="pagebreak" title="7">7</span>two.</p>', "One two."),
        ('<p>One <span role="doc-pagebreak">7</span>two.</p>', "One two."),
        ('<p>One <span class="pagenum">[Pg 7]</span>two.</p>', "One two."),
        ('<p>See <a href="#c2">chapter 2</a> and <a href="#x">5</a>.</p>', "See chapter 2 and 5."),
    ],
)  # fmt: skip
def test_footnotes_references_and_page_numbers_are_not_read(body: str, text: str) -> None:
    assert texts(make_epub({"a.xhtml": page(body)}))[0][1] == text


def test_notes_at_the_end_of_the_book_are_not_read() -> None:
    pages = {
        "a.xhtml": page('<p id="p">Word<sup><a id="r1" href="notes.xhtml#n1">1</a></sup>.</p>'),
        "notes.xhtml": page('<p id="n1"><a href="a.xhtml#r1">1</a> A note.</p>'),
    }
    contents = nav(("One", "a.xhtml"), ("Notes", "notes.xhtml"))
    assert texts(make_epub(pages, contents=contents)) == [("One", "Word.")]


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("<script>alert(1)</script><style>p {}</style><p onclick='x()'>Only this.</p>", "Only this."),
        ("<p>Fish&nbsp;&amp;&#160;chips&mdash;caf&eacute;</p>", "Fish & chips—café"),
        ("<p>One<br/>line</p><table><tr><td>a</td><td>b</td></tr></table>", "One line\n\na b"),
        ("<p>Before</p><hr/><p>After</p>", "Before\n\n[pause 1s]\n\nAfter"),
        ("<p>漢<ruby>字<rt>じ</rt></ruby></p>", "漢字"),
        ("<p hidden=''>Not this</p><p>This</p>", "This"),
        ("<p>Not closed <b>bold<p>Next</p>", "Not closed bold\n\nNext"),
    ],
)
def test_a_page_becomes_its_words(body: str, text: str) -> None:
    assert texts(make_epub({"a.xhtml": page(body)}))[0][1] == text


def test_an_empty_title_does_not_swallow_the_page() -> None:
    data = page("<p>Words.</p>").replace("<title></title>", "<title/>")
    assert texts(make_epub({"a.xhtml": data})) == [("Words.", "Words.")]


@pytest.mark.slow
def test_five_thousand_chapters_are_read() -> None:
    pages = {f"{number}.xhtml": page(f"<h1>{number}</h1><p>Words.</p>") for number in range(5000)}
    contents = nav(*((f"Chapter {number}", f"{number}.xhtml") for number in range(5000)))
    chapters = read(make_epub(pages, contents=contents)).chapters
    assert (len(chapters), chapters[-1].title) == (5000, "Chapter 4999")
