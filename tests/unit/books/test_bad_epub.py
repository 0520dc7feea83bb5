"""EPUB files that are broken, protected or hostile."""

import asyncio
import io
import struct
import zipfile

import pytest

from app.errors import UnreadableBook
from tests.support.books import CONTAINER, make_epub, page, read, read_file

PAGE = page("<p>Words.</p>")
ENCRYPTED = (
    '<encryption xmlns="urn:oasis:names:tc:opendocument:xmlns:container" xmlns:enc="http://www.w3.org/2001/04/xmlenc#">'
    '<enc:EncryptedData><enc:EncryptionMethod Algorithm="{method}"/><enc:CipherData>'
    '<enc:CipherReference URI="{path}"/></enc:CipherData></enc:EncryptedData></encryption>'
)
AES = "http://www.w3.org/2001/04/xmlenc#aes128-cbc"


def refusal(data: bytes) -> str:
    with pytest.raises(UnreadableBook) as refused:
        read(data)
    return refused.value.message


@pytest.mark.parametrize("cut", [30, 200, -30])
def test_a_truncated_file_is_damaged(cut: int) -> None:
    assert "damaged" in refusal(make_epub({"a.xhtml": PAGE})[:cut])


def test_a_damaged_member_is_named() -> None:
    data = bytearray(make_epub({"a.xhtml": page("<p>" + "many words " * 400 + "</p>")}))
    at = data.index(b"OPS/a.xhtml") + 40
    data[at : at + 20] = bytes(20)
    assert "'OPS/a.xhtml' cannot be unpacked" in refusal(bytes(data))


def test_a_bomb_is_refused_while_it_is_unpacked_whatever_size_its_directory_says() -> None:
    member = "<html><body><p>" + "a " * 17_000_000
    data = bytearray(make_epub({"a.xhtml": member}))
    size = struct.pack("<I", len(member))
    assert data.count(size) >= 1
    assert "too large" in refusal(bytes(data))
    small = bytes(data).replace(size, struct.pack("<I", 100))  # the directory lies
    assert any(word in refusal(small) for word in ("too large", "cannot be unpacked"))


@pytest.mark.slow
def test_a_bomb_of_ten_gigabytes_is_refused_in_its_child_process() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("META-INF/container.xml", CONTAINER)
        with archive.open("OPS/book.opf", "w", force_zip64=True) as member:
            block = bytes(16 * 2**20)
            for _ in range(4):
                member.write(block)
    data = file.getvalue()
    bomb = data.replace(struct.pack("<Q", 64 * 2**20), struct.pack("<Q", 10 * 2**30))
    with pytest.raises(UnreadableBook, match="too large"):
        asyncio.run(read_file(bomb, "bomb.epub"))


def test_entities_that_expand_are_not_expanded() -> None:
    entities = '<!ENTITY a "ha">' + "".join(
        f'<!ENTITY {name} "{f"&{before};" * 10}">' for before, name in zip("abcdefgh", "bcdefghi", strict=True)
    )
    for body in ("<p>Laugh &i; now.</p>", '<p title="&i;">Laugh now.</p>'):
        data = page(body).replace("<html", f"<!DOCTYPE html [{entities}]>\n<html")
        text = read(make_epub({"a.xhtml": data})).chapters[0].text
        assert text.split()[0] == "Laugh"
        assert len(text) < 200


def test_files_of_this_machine_are_not_read_into_a_book() -> None:
    data = page("<p>Words &secret; here.</p>").replace(
        "<html", '<!DOCTYPE html [<!ENTITY secret SYSTEM "file:///etc/passwd">]>\n<html'
    )
    assert read(make_epub({"a.xhtml": data})).chapters[0].text == "Words here."


def test_copy_protection_is_named() -> None:
    protection = {
        "META-INF/encryption.xml": ENCRYPTED.format(method=AES, path="OPS/a.xhtml"),
        "META-INF/rights.xml": "x",
    }
    said = refusal(make_epub({"a.xhtml": PAGE}, files=protection))
    assert said == (
        "the EPUB has copy protection (DRM, Adobe ADEPT), so its text cannot be read: use a copy without DRM"
    )


def test_obfuscated_fonts_are_no_copy_protection() -> None:
    fonts = ENCRYPTED.format(method="http://www.idpf.org/2008/embedding", path="OPS/font.otf")
    assert read(make_epub({"a.xhtml": PAGE}, files={"META-INF/encryption.xml": fonts})).chapters


def test_missing_documents_are_named_and_the_rest_is_read() -> None:
    book = read(make_epub({"a.xhtml": PAGE}, spine=["gone.xhtml", "a.xhtml"]))
    assert [chapter.text for chapter in book.chapters] == ["Words."]
    assert "missing from the EPUB, so not read: 'gone.xhtml'" in book.warnings


def test_a_spine_without_any_document_is_refused() -> None:
    assert "none of the documents" in refusal(make_epub({"a.xhtml": PAGE}, spine=["gone.xhtml"]))


@pytest.mark.parametrize("href", ["../../etc/passwd", "/etc/passwd", "file:///etc/passwd", "..\\..\\x", "http://[bad"])
def test_paths_that_lead_out_are_missing_documents(href: str) -> None:
    data = make_epub({"a.xhtml": PAGE})
    archive = zipfile.ZipFile(io.BytesIO(data))
    package = archive.read("OPS/book.opf").decode().replace('href="a.xhtml"', f'href="{href}"')
    assert "none of the documents" in refusal(make_epub({"a.xhtml": PAGE}, files={"OPS/book.opf": package}))


def test_a_zip_without_a_container_is_no_epub() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("notes.txt", "Words.")
    assert "this is no EPUB" in refusal(file.getvalue())


def test_a_package_that_is_not_well_formed_is_named() -> None:
    assert "'OPS/book.opf' is not well-formed" in refusal(
        make_epub({"a.xhtml": PAGE}, files={"OPS/book.opf": "<a><b>"})
    )


def test_a_book_of_pictures_has_no_text() -> None:
    assert "no text" in refusal(make_epub({"a.xhtml": page('<img src="1.png"/>')}))


def test_a_page_nested_a_hundred_thousand_deep_ends_neither_the_reader_nor_the_book() -> None:
    deep = "<html><body>" + "<div>" * 100_000 + "Deep." + "</div>" * 100_000
    book = read(make_epub({"a.xhtml": PAGE, "b.xhtml": deep}))
    assert book.chapters[0].text == "Words."
