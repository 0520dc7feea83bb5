"""Marks as ExifTool reads them, which shares no code with what writes them."""

import io
import json
import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.audio.provenance import TRAINED_ALGORITHMIC_MEDIA, new_provenance
from app.books.audio_file import BookFile, BookFormat, Tags
from app.settings import Settings
from tests.support.fake_engine import FakeEngine
from tests.support.server import RunningServer, serve

pytestmark = pytest.mark.skipif(
    shutil.which("exiftool") is None, reason="exiftool is not installed (Debian package libimage-exiftool-perl)"
)
XMP = ("XMP-iptcExt", "DigitalSourceType")
PLACES = {
    "wav": [("RIFF", "Comment"), ("RIFF", "Software"), ("RIFF", "DateCreated"), XMP],
    "mp3": [("ID3", "UserDefinedText"), ("ID3", "EncodedBy"), XMP],
    "flac": [("Vorbis", "Description"), ("Vorbis", "Digitalsourcetype"), ("Vorbis", "EncodedBy"), ("Vorbis", "Date")],
    "opus": [("Vorbis", "Description"), ("Vorbis", "Digitalsourcetype"), ("Vorbis", "EncodedBy"), ("Vorbis", "Date")],
    "m4b": [("ItemList", "Comment"), ("ItemList", "ContentCreateDate")],
}
"""Group (without the version of ID3) and name of each tag that docs/provenance.md promises."""


def tags_of(path: Path) -> list[tuple[str, str, str]]:
    """(group, name, value) of each tag."""
    command = ["exiftool", "-a", "-G1", "-s", str(path)]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    parts = [line[1:].partition("]") for line in lines]
    named = [(group.split("v2_")[0], *rest.partition(": ")[::2]) for group, _, rest in parts]
    return [(group, name.strip(), value) for group, name, value in named]


def statement_in(tags: list[tuple[str, str, str]]) -> Any:
    (comment,) = [value for _, _, value in tags if "Speech made by a machine" in value]
    return json.loads(comment[comment.index("{") :])


def places_in(tags: list[tuple[str, str, str]]) -> set[tuple[str, str]]:
    return {(group, name) for group, name, _ in tags}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with serve(Settings(data=tmp_path_factory.mktemp("data"), asr_model="off"), FakeEngine) as server:
        yield server


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("audio_format", ["wav", "mp3", "flac", "opus"])
def test_each_format_of_the_server_has_its_marks(
    server: RunningServer, audio_format: str, stream: bool, tmp_path: Path
) -> None:
    """A whole file is signed where c2pa-python is installed."""
    with server.client() as client:
        answer = client.post("/tts", json={"text": "Hello there.", "format": audio_format, "stream": stream})
    path = tmp_path / f"speech.{audio_format}"
    path.write_bytes(answer.content)
    tags = tags_of(path)
    assert set(PLACES[audio_format]) <= places_in(tags)
    assert statement_in(tags) == json.loads(answer.headers["X-Chorus-Provenance"])
    named = [value for _, name, value in tags if TRAINED_ALGORITHMIC_MEDIA in value and "{" not in value]
    assert len(named) == (2 if audio_format == "mp3" else 1)


def test_an_audiobook_has_its_marks(tmp_path: Path) -> None:
    mark = new_provenance(is_cloned=True, now=datetime(2026, 5, 4, tzinfo=UTC))
    file = io.BytesIO()
    tags = Tags(title="A title", album="A title", author="An author", provenance=mark)
    book = BookFile(file, BookFormat.M4B, 24_000, tags=tags)
    book.write(np.zeros(24_000, np.float32))
    book.finish()
    book.close()
    path = tmp_path / "book.m4b"
    path.write_bytes(file.getvalue())
    found = tags_of(path)
    assert set(PLACES["m4b"]) <= places_in(found)
    assert statement_in(found) == json.loads(mark.json)
