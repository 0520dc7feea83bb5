import pytest

from app.audio.formats import AudioFormat, format_for_suffix, parse_format
from app.errors import InvalidField


def test_every_format_has_a_mime_type_and_an_ending_that_leads_back_to_it() -> None:
    for audio_format in AudioFormat:
        assert audio_format.mime_type.startswith("audio/")
        assert format_for_suffix(audio_format.suffix) is audio_format
        assert parse_format(audio_format.value) is audio_format
    assert len({audio_format.mime_type for audio_format in AudioFormat}) == len(AudioFormat)


def test_names_and_endings_are_read_without_regard_to_case() -> None:
    assert parse_format("MP3") is AudioFormat.MP3
    assert format_for_suffix(".WAV") is AudioFormat.WAV


def test_ogg_files_hold_opus() -> None:
    assert format_for_suffix(".ogg") is AudioFormat.OPUS


def test_an_unknown_format_is_refused_with_the_known_ones_named() -> None:
    with pytest.raises(InvalidField, match=r"'midi'.*wav, pcm, mp3, opus, aac, flac") as refusal:
        parse_format("midi")
    assert refusal.value.param == "format"
    with pytest.raises(InvalidField, match=r"'\.mid'.*\.wav"):
        format_for_suffix(".mid")
