"""Finished books of a server carry its signature."""

import asyncio
from pathlib import Path
from typing import BinaryIO

import pytest

from app.audio.provenance import Provenance
from app.books.audio_file import BookFormat
from app.books.jobs import worker
from app.books.jobs.record import JobStatus
from app.setting_values import Marks
from app.speech.service import SpeechService
from tests.support.book_keeper import book_of, keeping, request_for, until


@pytest.fixture(autouse=True)
def looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "LOOK_S", 0.02)


class TagSigner:
    """Puts a tag of ten bytes before a file, which readers of FLAC pass over."""

    unsigned_reason = None

    def __init__(self) -> None:
        self.signed: list[tuple[str, Provenance]] = []

    def sign(self, data: bytes, media_type: str, provenance: Provenance) -> bytes:
        raise NotImplementedError

    def sign_file(self, source: BinaryIO, target: BinaryIO, media_type: str, provenance: Provenance) -> None:
        self.signed.append((media_type, provenance))
        source.seek(0)
        target.write(b"ID3\x04\0\0\0\0\0\0" + source.read())


@pytest.mark.parametrize(("marks", "start"), [("metadata", b"ID3"), ("off", b"fLaC")])
def test_the_file_of_a_finished_book_is_signed_where_it_has_marks(tmp_path: Path, marks: str, start: bytes) -> None:
    signer = TagSigner()

    def give(service: SpeechService) -> None:
        service.signer = signer

    async def scenario() -> None:
        book = book_of("One bell rang here.")
        request = request_for(book)
        async with keeping(tmp_path, made=give, marks=Marks(marks)) as (jobs, _):
            await jobs.create(request, book)
            view = await until(jobs, request.id, lambda view: view.state.status is JobStatus.FINISHED)
            audio = jobs.folder(view).audio
            assert (audio / view.state.file).read_bytes()[:3] == start[:3]
            assert sorted(path.suffix for path in audio.iterdir()) == [".flac", ".mp3"]

    asyncio.run(scenario())
    assert [media_type for media_type, _ in signer.signed] == ([BookFormat.FLAC.mime_type] if start == b"ID3" else [])
    assert all(provenance.date == "2026-01-31" for _, provenance in signer.signed)
