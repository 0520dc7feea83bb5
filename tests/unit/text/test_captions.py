"""Cues as players read them."""

import av
import pytest

from app.text.captions import Cue, to_srt, to_vtt


def test_times_are_rounded_to_milliseconds_and_carry_into_hours() -> None:
    cues = [Cue(0.0004, 1.2344, "a"), Cue(59.9996, 3599.9995, "b"), Cue(360_000.0, 360_001.5, "c")]
    assert to_srt(cues) == (
        "1\n00:00:00,000 --> 00:00:01,234\na\n\n"
        "2\n00:01:00,000 --> 01:00:00,000\nb\n\n"
        "3\n100:00:00,000 --> 100:00:01,500\nc\n"
    )


def test_webvtt_has_a_head_points_and_escapes() -> None:
    assert to_vtt([Cue(1.5, 2.0, "Salt & <b>pepper</b>")]) == (
        "WEBVTT\n\n00:00:01.500 --> 00:00:02.000\nSalt &amp; &lt;b&gt;pepper&lt;/b&gt;\n"
    )


@pytest.mark.parametrize("text", ["one\n\ntwo", " one\r\n two ", "one\u2028two", "one\x0b\x0ctwo", "one \n \n two"])
def test_a_text_of_several_lines_is_one_line_so_that_its_cue_does_not_end_early(text: str) -> None:
    assert to_srt([Cue(0, 1, text)]) == "1\n00:00:00,000 --> 00:00:01,000\none two\n"
    assert to_vtt([Cue(0, 1, text)]) == "WEBVTT\n\n00:00:00.000 --> 00:00:01.000\none two\n"


def test_an_arrow_in_a_text_is_not_taken_for_a_time() -> None:
    cues = [Cue(0, 1, "from --> to"), Cue(1, 2, "00:00:09,000 --> 00:00:10,000")]
    assert to_srt(cues).count("-->") == 2
    assert to_vtt(cues).count("-->") == 2
    assert "from → to" in to_srt(cues)
    assert "from --&gt; to" in to_vtt(cues)


def test_cues_without_text_are_left_out_and_not_counted() -> None:
    assert to_srt([Cue(0, 1, "  "), Cue(1, 2, "said"), Cue(2, 3, "")]) == "1\n00:00:01,000 --> 00:00:02,000\nsaid\n"
    assert to_srt([]) == ""
    assert to_vtt([Cue(0, 1, "\n")]) == "WEBVTT\n"


def test_a_cue_ends_after_it_starts_and_starts_at_zero_at_the_earliest() -> None:
    cues = [Cue(-0.2, 0.5, "early"), Cue(1.0, 1.0, "none"), Cue(3.0, 2.0, "backwards")]
    assert [line for line in to_vtt(cues).splitlines() if "-->" in line] == [
        "00:00:00.000 --> 00:00:00.500",
        "00:00:01.000 --> 00:00:01.001",
        "00:00:03.000 --> 00:00:03.001",
    ]


@pytest.mark.parametrize(("write", "name"), [(to_srt, "srt"), (to_vtt, "webvtt")])
def test_ffmpeg_reads_every_cue(write, name, tmp_path) -> None:
    cues = [Cue(0.0, 1.25, "one"), Cue(1.5, 3.0, "two\n\nthree"), Cue(3723.25, 3724.0, "a --> b & <c>")]
    path = tmp_path / "captions"
    path.write_text(write(cues))
    with av.open(str(path), format=name) as file:
        packets = [packet for packet in file.demux() if packet.size]
    assert [round(float(packet.pts * packet.time_base), 3) for packet in packets] == [0.0, 1.5, 3723.25]
    assert [round(float(packet.duration * packet.time_base), 3) for packet in packets] == [1.25, 1.5, 0.75]
