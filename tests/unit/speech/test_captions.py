"""Captions: times as players read them."""

import av
import pytest

from app.speech.captions import to_srt, to_vtt
from app.speech.events import SegmentEnded

SEGMENTS = (
    SegmentEnded(0, "Hello there.", 0.0, 1.2344),
    SegmentEnded(1, "Salt & <pepper>", 1.4944, 3723.9996),
)


def test_srt_is_what_players_read() -> None:
    assert to_srt(SEGMENTS) == (
        "1\n00:00:00,000 --> 00:00:01,234\nHello there.\n\n2\n00:00:01,494 --> 01:02:04,000\nSalt & <pepper>\n"
    )


def test_vtt_escapes_what_would_be_markup() -> None:
    assert to_vtt(SEGMENTS) == (
        "WEBVTT\n\n00:00:00.000 --> 00:00:01.234\nHello there.\n\n"
        "00:00:01.494 --> 01:02:04.000\nSalt &amp; &lt;pepper&gt;\n"
    )


@pytest.mark.parametrize(("write", "name"), [(to_srt, "srt"), (to_vtt, "webvtt")])
def test_ffmpeg_reads_them(write, name, tmp_path) -> None:
    path = tmp_path / "captions"
    path.write_text(write(SEGMENTS))
    with av.open(str(path), format=name) as file:
        packets = [packet for packet in file.demux() if packet.size]
    base = packets[0].time_base
    assert [round(float(packet.pts * base), 3) for packet in packets] == [0.0, 1.494]


def test_nothing_spoken_is_an_empty_file_of_its_kind() -> None:
    assert to_srt(()) == ""
    assert to_vtt(()) == "WEBVTT\n"
