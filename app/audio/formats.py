"""Audio formats of answers: names, mime types and file endings."""

from enum import StrEnum

from app.errors import InvalidField, quoted


class AudioFormat(StrEnum):
    """The names are OpenAI's; `pcm` is raw 16-bit little-endian mono at the engine's rate (24 kHz)."""

    WAV = "wav"
    PCM = "pcm"
    MP3 = "mp3"
    OPUS = "opus"
    AAC = "aac"
    FLAC = "flac"

    @property
    def mime_type(self) -> str:
        return _MIME_TYPES[self]

    @property
    def suffix(self) -> str:
        """Ending of a file in this format, with its dot."""
        return f".{self.value}"


_MIME_TYPES = {
    AudioFormat.WAV: "audio/wav",
    # RFC 2586's audio/L16 is big-endian; audio/pcm is what OpenAI sends for the same bytes.
    AudioFormat.PCM: "audio/pcm",
    AudioFormat.MP3: "audio/mpeg",
    AudioFormat.OPUS: "audio/ogg; codecs=opus",
    AudioFormat.AAC: "audio/aac",
    AudioFormat.FLAC: "audio/flac",
}

_SUFFIXES = {format_.suffix: format_ for format_ in AudioFormat} | {
    ".wave": AudioFormat.WAV,
    ".raw": AudioFormat.PCM,
    ".ogg": AudioFormat.OPUS,
    ".oga": AudioFormat.OPUS,
}


def parse_format(name: str) -> AudioFormat:
    try:
        return AudioFormat(name.strip().lower())
    except ValueError:
        known = ", ".join(AudioFormat)
        raise InvalidField(f"no audio format {quoted(name)}; known are {known}", param="format") from None


def format_for_suffix(suffix: str) -> AudioFormat:
    try:
        return _SUFFIXES[suffix.lower()]
    except KeyError:
        known = ", ".join(_SUFFIXES)
        raise InvalidField(f"no audio format for files that end in {quoted(suffix)}; known are {known}") from None
