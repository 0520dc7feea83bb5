"""Content credentials of others, damaged ones, and those that ask the reader to fetch something."""

import io
import json
import socket
import sys
import threading
from pathlib import Path
from random import Random
from typing import Any

import pytest

from app.audio.found_credentials import BLOCK_BYTES, BOX, MAX_VALUE_CHARS, Credentials, find_credentials
from app.audio.found_marks import find_marks
from tests.fuzz.media import damage, make_recording

PHOTO = "http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture"


def signed_by_another(folder: Path, manifest: dict[str, Any], media_type: str = "audio/wav") -> bytes:
    """A recording with the credentials `manifest`, made with C2PA's library only."""
    c2pa = pytest.importorskip("c2pa", reason="c2pa-python is not installed (make c2pa)")
    from tests.support.c2pa_certificates import write_certificate

    certificate, _ = write_certificate(folder)
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

    key = load_pem_private_key((folder / "key.pem").read_bytes(), None)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    signer = c2pa.Signer.from_info(c2pa.C2paSignerInfo(b"es256", certificate.read_bytes(), pem, None))
    signed = io.BytesIO()
    with c2pa.Builder(manifest) as builder:
        builder.sign(signer, media_type, io.BytesIO(make_recording("wav", 0.2)), signed)
    return signed.getvalue()


def manifest(*actions: dict[str, Any], name: str = "A recorder") -> dict[str, Any]:
    created = [{"action": "c2pa.created", **each} for each in actions]
    return {
        "claim_generator_info": [{"name": name, "version": "1"}],
        "assertions": [{"label": "c2pa.actions.v2", "data": {"actions": created}}],
    }


def found(data: bytes, container: str = "wav") -> Credentials | None:
    return find_credentials(io.BytesIO(data), container)


def test_credentials_of_another_program_are_read_and_are_not_called_chorus(tmp_path: Path) -> None:
    marks = find_marks(io.BytesIO(signed_by_another(tmp_path, manifest({"digitalSourceType": PHOTO}))), name="a")
    (mark,) = marks.marks
    assert (mark.kind, mark.place, mark.digital_source_type, mark.statement) == ("c2pa", "C2PA", PHOTO, None)
    assert mark.signature is not None
    assert (mark.signature.status, mark.signature.signer) == ("intact", "Operator")
    assert "content credentials name the digital source type 'digitalCapture'. It does not come from Chorus" in (
        marks.summary
    )
    assert "has not changed since 'Operator' signed it" in marks.summary


@pytest.mark.parametrize(
    "statement", [1, "text", {}, {"voice": "cloned"}, {"digitalSourceType": "x", "voice": "y"}, []]
)
def test_a_statement_that_is_not_ours_is_none(tmp_path: Path, statement: object) -> None:
    forged = {"digitalSourceType": PHOTO, "parameters": {"chorus.statement": statement}}
    credentials = found(signed_by_another(tmp_path, manifest(forged)))
    assert credentials is not None
    assert (credentials.statement, credentials.digital_source_type) == (None, PHOTO)


def test_long_values_are_cut_and_nothing_that_a_terminal_obeys_is_kept(tmp_path: Path) -> None:
    statement = {"digitalSourceType": "\x1b[2J" + "a" * 9_999, "generator": "\x07", "voice": "cloned", "request": "\n"}
    forged = {"digitalSourceType": "\x1b[2J" + "a" * 9_999, "parameters": {"chorus.statement": statement}}
    credentials = found(signed_by_another(tmp_path, manifest(forged)))
    assert credentials is not None
    assert credentials.statement is not None
    for text in (credentials.digital_source_type, *msgspec_values(credentials.statement)):
        assert text is None or (text.isprintable() and len(text) <= MAX_VALUE_CHARS)


def msgspec_values(statement: Any) -> list[str | None]:
    return [getattr(statement, field) for field in statement.__struct_fields__]


def test_a_file_without_a_box_has_no_credentials_and_the_library_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "c2pa", None)
    for name in ("wav", "mp3", "flac", "m4a"):
        assert found(make_recording(name, 0.1)) is None


@pytest.mark.parametrize("name", ["opus", "ogg", "mkv"])
def test_a_title_is_no_box_in_formats_that_have_none(name: str) -> None:
    pytest.importorskip("c2pa", reason="c2pa-python is not installed (make c2pa)")
    assert found(b"A jumbo jet" + bytes(99), name) is None


def test_a_library_that_fails_to_load_leaves_credentials_unread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = signed_by_another(tmp_path, manifest({"digitalSourceType": PHOTO}))
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "c2pa.py").write_text("raise RuntimeError('no library for this system')")
    monkeypatch.syspath_prepend(tmp_path / "broken")
    for module in [module for module in sys.modules if module == "c2pa" or module.startswith("c2pa.")]:
        monkeypatch.delitem(sys.modules, module)
    credentials = found(data)
    assert credentials is not None
    assert credentials.signature.status == "unread"
    assert "no library for this system" in credentials.signature.faults[0]


def test_without_the_package_credentials_are_named_and_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = signed_by_another(tmp_path, manifest({"digitalSourceType": PHOTO}))
    monkeypatch.setitem(sys.modules, "c2pa", None)
    marks = find_marks(io.BytesIO(data), name="a")
    assert marks.marks[-1].signature is not None
    assert marks.marks[-1].signature.status == "unread"
    assert "this needs `make c2pa`" in marks.summary


@pytest.mark.parametrize("place", [0, BLOCK_BYTES - 2, BLOCK_BYTES, 3 * BLOCK_BYTES - 1])
def test_a_box_is_found_across_the_borders_of_blocks(place: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "c2pa", None)
    credentials = found(bytes(place) + BOX + bytes(9))
    assert credentials is not None
    assert credentials.signature.status == "unread"


def test_a_manifest_elsewhere_is_not_fetched() -> None:
    pytest.importorskip("c2pa", reason="c2pa-python is not installed (make c2pa)")
    connections: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def count() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                connections.append("one")
                connection.close()

        counting = threading.Thread(target=count)
        counting.start()
        data = mp3_with_manifest_at(f"http://127.0.0.1:{server.getsockname()[1]}/manifest.c2pa")
        credentials = found(data, "mp3")
        server.shutdown(socket.SHUT_RDWR)
        counting.join()
    assert connections == []
    assert credentials is not None
    assert credentials.signature.status == "broken"
    assert "must fetch remote manifests" in credentials.signature.faults[0]


def mp3_with_manifest_at(address: str) -> bytes:
    """An ID3v2.4 tag with XMP, and the name of a box so that the library is asked at all."""
    xmp = (
        '<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
        'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" '
        f'xmlns:dcterms="http://purl.org/dc/terms/" dcterms:provenance="{address}"/></rdf:RDF></x:xmpmeta>'
        '<?xpacket end="r"?>'
    )
    frame = b"XMP\0" + xmp.encode()
    frames = b"PRIV" + synchsafe(len(frame)) + b"\0\0" + frame
    recording = make_recording("mp3", 0.2)
    audio = recording[10 + unsafe(recording[6:10]) :] if recording.startswith(b"ID3") else recording
    return b"ID3\x04\0\0" + synchsafe(len(frames)) + frames + audio + BOX


def synchsafe(number: int) -> bytes:
    return bytes(number >> shift & 0x7F for shift in (21, 14, 7, 0))


def unsafe(size: bytes) -> int:
    return sum(byte << 7 * (3 - index) for index, byte in enumerate(size))


def test_damaged_sound_is_never_intact_and_damaged_boxes_are_no_fault_of_the_reader(tmp_path: Path) -> None:
    data = signed_by_another(tmp_path, manifest({"digitalSourceType": PHOTO}))
    start = data.index(BOX) - 12  # a chunk of RIFF: its name, its size, the size of the box
    random = Random(23)
    statuses: set[str] = set()
    for _ in range(100):
        changed = damage(data[:start], random)
        credentials = found(changed + data[start:])
        if credentials is not None and changed != data[:start]:
            statuses.add(credentials.signature.status)
        found(data[:start] + damage(data[start:], random))
    assert statuses == {"broken"}


def test_a_report_of_the_library_is_json_of_this_form(tmp_path: Path) -> None:
    """The reader above relies on these fields."""
    c2pa = pytest.importorskip("c2pa", reason="c2pa-python is not installed (make c2pa)")
    data = signed_by_another(tmp_path, manifest({"digitalSourceType": PHOTO}))
    with c2pa.Reader("audio/wav", io.BytesIO(data)) as reader:
        told = json.loads(reader.json())
    assert {"active_manifest", "manifests", "validation_results"} <= set(told)
    codes = [each["code"] for each in told["validation_results"]["activeManifest"]["success"]]
    assert "claimSignature.validated" in codes
