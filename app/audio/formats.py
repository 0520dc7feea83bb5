"""Formats of answers: names, media types, file endings."""

from enum import StrEnum

from app.errors import InvalidField


class AudioFormat(StrEnum):
    WAV = "wav"
    PCM = "pcm"
    MP3 = "mp3"
    OPUS = "opus"
    AAC = "aac"
    FLAC = "flac"

    @property
    def mime_type(self) -> str:
        return _MIME_TYPES[self]


_MIME_TYPES = {
    AudioFormat.WAV: "audio/wav",
    AudioFormat.PCM: "audio/pcm",
    AudioFormat.MP3: "audio/mpeg",
    AudioFormat.OPUS: "audio/ogg",
    AudioFormat.AAC: "audio/aac",
    AudioFormat.FLAC: "audio/flac",
}
_OTHER_ENDINGS = {"ogg": AudioFormat.OPUS, "raw": AudioFormat.PCM}


def parse_format(name: str) -> AudioFormat:
    """Raises InvalidField, naming the formats that there are."""
    try:
        return AudioFormat(name.lower())
    except ValueError:
        raise InvalidField(f"no format {name!r}; known are {', '.join(AudioFormat)}", param="format") from None


def format_for_suffix(suffix: str) -> AudioFormat:
    """`.mp3` -> mp3. Raises InvalidField as `parse_format` does."""
    ending = suffix.removeprefix(".").lower()
    return _OTHER_ENDINGS.get(ending) or parse_format(ending)
