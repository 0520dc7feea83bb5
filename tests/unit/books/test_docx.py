"""Word documents as books."""

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest
from click.testing import CliRunner

from app.books.reading.archive import MAX_MEMBER_BYTES
from app.books.reading.docx import MAX_XML_BYTES
from app.cli import main
from app.errors import UnreadableBook
from tests.support.books import read

W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
STYLES = (
    f'<w:styles xmlns:w="{W}"><w:docDefaults><w:rPrDefault><w:rPr><w:lang w:val="de-DE"/></w:rPr></w:rPrDefault>'
    "</w:docDefaults>"
    '<w:style w:styleId="berschrift1"><w:name w:val="heading 1"/></w:style>'
    '<w:style w:styleId="berschrift2"><w:name w:val="heading 2"/></w:style>'
    '<w:style w:styleId="Verzeichnis1"><w:name w:val="toc 1"/></w:style>'
    '<w:style w:styleId="Own"><w:name w:val="My chapter"/><w:pPr><w:outlineLvl w:val="0"/></w:pPr></w:style>'
    "</w:styles>"
)
PROPERTIES = (
    '<cp:coreProperties xmlns:cp="http://schemas.openxmlformats.org/package/2006/metadata/core-properties" '
    'xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>The Novel</dc:title><dc:creator>Ann Author</dc:creator>'
    "</cp:coreProperties>"
)


def paragraph(text: str, style: str = "") -> str:
    properties = f'<w:pPr><w:pStyle w:val="{style}"/></w:pPr>' if style else ""
    return f"<w:p>{properties}<w:r><w:t>{text}</w:t></w:r></w:p>"


def make_docx(body: str, files: Mapping[str, str | bytes] | None = None) -> bytes:
    document = f'<?xml version="1.0"?><w:document xmlns:w="{W}"><w:body>{body}</w:body></w:document>'
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        members = {"[Content_Types].xml": "<Types/>", "word/document.xml": document, "word/styles.xml": STYLES}
        for name, data in (members | {"docProps/core.xml": PROPERTIES} | dict(files or {})).items():
            archive.writestr(name, data)
    return file.getvalue()


def chapters(body: str) -> list[tuple[str, str]]:
    return [(chapter.title, chapter.text) for chapter in read(make_docx(body), "novel.docx").chapters]


def test_headings_cut_chapters_whatever_the_language_of_word() -> None:
    body = paragraph("One", "berschrift1") + paragraph("It was late.") + paragraph("A", "berschrift2")
    body += paragraph("It was dark.") + paragraph("Two", "Own") + paragraph("The end.")
    assert chapters(body) == [("One", "One\n\nIt was late.\n\nA\n\nIt was dark."), ("Two", "Two\n\nThe end.")]


def test_title_author_and_language_are_those_of_the_document() -> None:
    book = read(make_docx(paragraph("Words.")), "file.docx")
    assert (book.title, book.author, book.language) == ("The Novel", "Ann Author", "de-DE")
    assert [chapter.title for chapter in book.chapters] == ["Words."]


def test_a_document_without_properties_and_styles_has_the_name_of_its_file() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("word/document.xml", f'<w:document xmlns:w="{W}">{paragraph("Words.")}</w:document>')
    book = read(file.getvalue(), "my book.docx")
    assert (book.title, book.author, book.language) == ("my book", "", "")


@pytest.mark.parametrize(
    "unread",
    [
        "<w:del><w:r><w:t>gone </w:t></w:r></w:del>",
        "<w:moveFrom><w:r><w:t>gone </w:t></w:r></w:moveFrom>",
        "<w:r><w:rPr><w:vanish/></w:rPr><w:t>gone </w:t></w:r>",
        "<w:r><w:instrText> PAGEREF x </w:instrText></w:r>",
        "<w:r><w:footnoteReference w:id='2'/></w:r>",
        "<w:r><w:pict><w:txbxContent><w:p><w:r><w:t>gone</w:t></w:r></w:p></w:txbxContent></w:pict></w:r>",
        "<w:AlternateContent><w:Fallback><w:r><w:t>gone</w:t></w:r></w:Fallback></w:AlternateContent>",
    ],
)
def test_deleted_hidden_and_technical_text_is_not_read(unread: str) -> None:
    ((_, text),) = chapters(f"<w:p><w:r><w:t>The bell </w:t></w:r>{unread}<w:r><w:t>rang.</w:t></w:r></w:p>")
    assert text == "The bell rang."


def test_links_insertions_tabs_breaks_and_cells_are_read() -> None:
    body = (
        "<w:p><w:hyperlink><w:r><w:t>The</w:t><w:tab/></w:r></w:hyperlink><w:ins><w:r><w:t>bell</w:t><w:br/></w:r>"
        '</w:ins><w:r><w:rPr><w:vanish w:val="0"/></w:rPr><w:t>rang.</w:t></w:r></w:p>'
        f"<w:tbl><w:tr><w:tc>{paragraph('Left')}</w:tc><w:tc>{paragraph('Right')}</w:tc></w:tr></w:tbl>"
    )
    assert chapters(body)[0][1] == "The bell rang.\n\nLeft\n\nRight"


def test_tables_of_contents_are_not_read_and_asterisks_are_a_pause() -> None:
    body = paragraph("One 7", "Verzeichnis1") + paragraph("It was late.") + paragraph("* * *") + paragraph("Later.")
    assert chapters(body)[0][1] == "It was late.\n\n[pause 1s]\n\nLater."


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"no zip at all", "the Word document is damaged"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "has a password, or is an old .doc"),
        (make_docx(""), "the Word document has no text"),
        (make_docx("<w:p>"), "not well-formed"),
        (make_docx(paragraph("a" * (MAX_XML_BYTES + 1))), "the Word document is too large"),
        (make_docx(paragraph("a"), {"word/styles.xml": bytes(MAX_MEMBER_BYTES + 1)}), "is too large"),
    ],
    ids=["no-zip", "password", "empty", "broken", "bomb", "bomb-of-styles"],
)
def test_a_document_that_cannot_be_read_says_why(data: bytes, says: str) -> None:
    with pytest.raises(UnreadableBook, match=says):
        read(data, "novel.docx")


def test_an_epub_called_docx_is_refused() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("META-INF/container.xml", "<a/>")
    with pytest.raises(UnreadableBook, match="no Word document"):
        read(file.getvalue(), "novel.docx")


def test_entities_are_not_expanded() -> None:
    entity = '<!DOCTYPE a [<!ENTITY b "ha">]>'
    document = f'{entity}<w:document xmlns:w="{W}"><w:p><w:r><w:t>One &b; two</w:t></w:r></w:p></w:document>'
    book = read(make_docx("", {"word/document.xml": document}), "novel.docx")
    assert book.chapters[0].text == "One &b; two"


def test_a_document_from_standard_input_is_known_by_its_content(tmp_path: Path) -> None:
    data = make_docx(paragraph("Words of it."))
    result = CliRunner().invoke(main, ["book", "-", "--list"], input=data)
    assert "The Novel, Ann Author" in result.stdout
    assert "3 words" in result.stdout
