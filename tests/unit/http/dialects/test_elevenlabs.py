import pytest

from app.audio.formats import AudioFormat, OutputFormat
from app.engine.base import Speaker
from app.errors import InvalidField
from app.http.dialects.elevenlabs import (
    OUTPUT_FORMATS,
    VoiceSettings,
    parse_output,
    spoken_speed,
    unused_settings,
    with_pauses,
)
from app.http.dialects.elevenlabs_dialogue import AudioTags
from app.http.dialects.elevenlabs_lists import to_page, to_voice
from app.http.dialects.elevenlabs_times import SegmentTimer, character_moments, character_times, message_alignment
from app.speech.events import SegmentEnded, SpokenWord, WordsSpoken

SEGMENTS = [SegmentEnded(0, "Hi.", 0.0, 0.6), SegmentEnded(1, "Oh!", 0.9, 1.2)]


@pytest.mark.parametrize(
    ("name", "output"),
    [
        (None, OutputFormat(AudioFormat.MP3, 44_100, 128_000)),
        ("mp3_22050_32", OutputFormat(AudioFormat.MP3, 22_050, 32_000)),
        ("opus_48000_192", OutputFormat(AudioFormat.OPUS, 48_000, 192_000)),
        ("pcm_16000", OutputFormat(AudioFormat.PCM, 16_000)),
        ("wav_8000", OutputFormat(AudioFormat.WAV, 8_000)),
        ("ulaw_8000", OutputFormat(AudioFormat.ULAW, 8_000)),
        ("alaw_8000", OutputFormat(AudioFormat.ALAW, 8_000)),
    ],
)
def test_an_output_format_names_codec_rate_and_bit_rate(name: str | None, output: OutputFormat) -> None:
    assert parse_output(name) == output


def test_every_listed_output_format_can_be_made() -> None:
    for name in OUTPUT_FORMATS:
        parse_output(name)


@pytest.mark.parametrize("name", ["", "mp3", "mp3_44100_129", "pcm_1e9", "ulaw_16000", "opus_48000_32_1", "\n"])
def test_an_unlisted_output_format_is_refused(name: str) -> None:
    with pytest.raises(InvalidField, match="known are mp3_22050_32"):
        parse_output(name)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ('One <break time="1.5s" /> two', "One [pause 1.5s] two"),
        ("<break time='300ms'/>", "[pause 300ms]"),
        ('<BREAK TIME="1s">', "[pause 1s]"),
        ("<break/> <breaks time='1s'/>", "<break/> <breaks time='1s'/>"),
    ],
)
def test_a_break_is_a_pause_in_any_text(written: str, read: str) -> None:
    assert with_pauses(written) == read


def test_a_speed_beyond_the_voice_is_reported() -> None:
    assert spoken_speed(VoiceSettings(speed=0.25)) == (0.5, ("speed 0.25 is beyond the voice: 0.5 is used",))
    assert spoken_speed(VoiceSettings(speed=1.2)) == (1.2, ())
    assert unused_settings(VoiceSettings(speed=1.2, stability=0.5)) == ("voice_settings.stability",)


def test_characters_share_the_time_of_their_segment() -> None:
    times = character_times(SEGMENTS)
    assert times.characters == ["H", "i", ".", " ", "O", "h", "!"]
    assert times.character_start_times_seconds == [0.0, 0.2, 0.4, 0.6, 0.9, 1.0, 1.1]
    assert times.character_end_times_seconds == [0.2, 0.4, 0.6, 0.9, 1.0, 1.1, 1.2]


def word(text: str, start_s: float, end_s: float) -> SpokenWord:
    return SpokenWord(text=text, start_s=start_s, end_s=end_s, probability=1.0)


def test_characters_share_the_time_of_their_word_where_it_is_known() -> None:
    segment = SegmentEnded(0, "Oh! A fox.", 1.0, 3.0)
    words = [word("Oh!", 1.1, 1.6), word("wolf", 1.7, 1.8), word("fox.", 2.2, 3.4)]
    moments = [(char, round(start, 3), round(end, 3)) for char, start, end in character_moments(segment, 0.0, words)]
    assert "".join(char for char, _, _ in moments) == segment.text
    assert moments[:3] == [("O", 1.0, 1.2), ("h", 1.2, 1.4), ("!", 1.4, 1.6)]
    assert moments[3:6] == [(" ", 1.6, 1.8), ("A", 1.8, 2.0), (" ", 2.0, 2.2)]
    assert moments[6:] == [("f", 2.2, 2.4), ("o", 2.4, 2.6), ("x", 2.6, 2.8), (".", 2.8, 3.0)]


def test_words_out_of_their_order_never_turn_time_back() -> None:
    segment = SegmentEnded(0, "One two three", 0.0, 1.0)
    words = [word("One", 0.5, 0.6), word("two", 0.2, 0.3), word("three", 0.1, 2.0)]
    edges = [edge for _, start, end in character_moments(segment, 0.0, words) for edge in (start, end)]
    assert edges == sorted(edges)
    assert (edges[0], edges[-1]) == (0.0, 1.0)
    assert edges[1:-1:2] == edges[2::2]  # without gaps: pipecat adds durations up


def test_a_segment_waits_for_its_words_where_they_are_timed() -> None:
    first, second = SEGMENTS
    assert SegmentTimer(by_words=False).take(first) == [(first, 0.0, ())]
    timer = SegmentTimer(by_words=True)
    assert timer.take(first) == timer.take(second) == []
    heard = (word("Oh!", 0.9, 1.2),)
    assert timer.take(WordsSpoken(1, heard)) == [(first, 0.0, ()), (second, 0.6, heard)]


def test_durations_of_messages_add_up_to_the_audio() -> None:
    """pipecat's clock is the sum of the messages."""
    first = message_alignment(character_moments(SEGMENTS[0], 0.0), 0.0)
    second = message_alignment(character_moments(SEGMENTS[1], 0.6), 0.6)
    assert (second.chars, second.char_start_times_ms) == ([" ", "O", "h", "!"], [0, 300, 400, 500])
    assert sum(first.char_durations_ms) + sum(second.char_durations_ms) == 1200


def test_pages_of_voices_follow_each_other() -> None:
    voices = [to_voice(Speaker(id=f"v{at}", name=f"Voice {at}", languages=("en",), source="saved")) for at in range(5)]
    seen: list[str] = []
    token = ""
    for _ in range(3):
        page = to_page(voices, search="voice", category="", page_size=2, token=token)
        seen += [voice.voice_id for voice in page.voices]
        token = page.next_page_token or ""
    assert (seen, page.has_more, page.total_count) == (["v0", "v1", "v2", "v3", "v4"], False, 5)
    assert to_page(voices, search="", category="premade", page_size=2, token="").voices == []


@pytest.mark.parametrize(
    ("pieces", "text", "found"),
    [
        (["[laughs] One two."], "One two.", ["[laughs]"]),
        (["One [lau", "ghs] two ", "[", "sighs] three"], "One two three", ["[laughs]", "[sighs]"]),
        (["One [", "pause 1s] two"], "One [pause 1s] two", []),
        (["An open [bracket"], "An open [bracket", []),
        (["[laughs][laughs]", "[laughs] One"], "One", ["[laughs]"]),
        (["[" + "x" * 41, "] One"], "[" + "x" * 41 + "] One", []),
    ],
)
def test_audio_tags_are_taken_out_of_pieces_as_of_the_whole(pieces: list[str], text: str, found: list[str]) -> None:
    for cut in (pieces, ["".join(pieces)], [*"".join(pieces)]):
        tags = AudioTags()
        left = "".join(tags.push(piece) for piece in cut) + tags.flush()
        assert (" ".join(left.split()), [*tags.found]) == (text, found)
