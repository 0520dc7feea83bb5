"""Marks in containers: the tags, chunks and packets that hold the provenance of speech.

wav          LIST/INFO (ISFT, ICRD, ICMT) and XMP in `_PMX`, before the samples
mp3          ID3v2.3, with XMP in PRIV
flac, opus   Vorbis comments
m4b          tags of iTunes, which have a comment and a date only
"""

import struct
from xml.sax.saxutils import quoteattr

from app.audio.provenance import Provenance

COMMENT, SOURCE_TYPE, XMP_IN_ID3 = "comment", "DIGITALSOURCETYPE", "id3v2_priv.XMP"
"""FFmpeg's names of the tags, when it writes and when it reads."""
XMP_CHUNK = b"_PMX"
XMP_MARKER = b"W5M0MpCehiHzreSzNTczkc9d"
"""begins each XMP packet"""


def comment(provenance: Provenance) -> str:
    """The sentence for people, and the statement in JSON for machines: the one text that each container holds."""
    return f"{provenance.sentence} {provenance.json}"


def vorbis_tags(provenance: Provenance | None) -> dict[str, str]:
    """For FFmpeg; also those of mp4, which leaves out what it has no tag for. Empty for None."""
    if provenance is None:
        return {}
    tags = {
        COMMENT: comment(provenance),
        SOURCE_TYPE: provenance.digital_source_type,
        "encoded_by": provenance.generator,
    }
    return tags if provenance.date is None else tags | {"date": provenance.date}


def id3_tags(provenance: Provenance | None) -> dict[str, str]:
    """For FFmpeg. Empty for None."""
    return {} if provenance is None else vorbis_tags(provenance) | {XMP_IN_ID3: xmp_packet(provenance)}


def wav_chunks(provenance: Provenance | None) -> bytes:
    """Chunks of RIFF. Empty for None."""
    if provenance is None:
        return b""
    info = _chunk(b"ISFT", _text(provenance.generator)) + _chunk(b"ICMT", _text(comment(provenance)))
    if provenance.date is not None:
        info += _chunk(b"ICRD", _text(provenance.date))
    return _chunk(b"LIST", b"INFO" + info) + _chunk(XMP_CHUNK, _even(xmp_packet(provenance).encode(), b" "))


def xmp_packet(provenance: Provenance) -> str:
    """IPTC's digital source type as an XMP packet."""
    attributes = {
        "Iptc4xmpExt:DigitalSourceType": provenance.digital_source_type,
        "xmp:CreatorTool": provenance.generator,
        "xmp:CreateDate": provenance.date,
        "dc:identifier": provenance.request,
    }
    written = " ".join(f"{name}={quoteattr(value)}" for name, value in attributes.items() if value is not None)
    return (
        f'<?xpacket begin="" id="{XMP_MARKER.decode()}"?>'
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description rdf:about="" xmlns:xmp="http://ns.adobe.com/xap/1.0/" '
        'xmlns:dc="http://purl.org/dc/elements/1.1/" '
        f'xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" {written}/>'
        '</rdf:RDF></x:xmpmeta><?xpacket end="r"?>'
    )


def _chunk(name: bytes, data: bytes) -> bytes:
    """`data` has an even size."""
    return name + struct.pack("<I", len(data)) + data


def _text(value: str) -> bytes:
    return _even(value.encode() + b"\0", b"\0")


def _even(data: bytes, filler: bytes) -> bytes:
    """Readers of some libraries forget the byte that RIFF adds to a chunk of odd size, and find no samples."""
    return data + filler * (len(data) % 2)
