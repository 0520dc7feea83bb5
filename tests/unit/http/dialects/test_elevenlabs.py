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
from app.http.dialects.elevenlabs_lists import to_page, to_voice
from app.http.dialects.elevenlabs_times import character_moments, character_times, message_alignment
from app.speech.events import SegmentEnded

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


@pytest.mark.parametrize("name", ["mp3", "mp3_44100_129", "pcm_1e9", "ulaw_16000", "opus_48000_32_1", "\n"])
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
