"""Audio formats of answers: names, mime types, file endings and sample rates."""

from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import Meta

from app.errors import InvalidField, UnsupportedSampleRate, quoted

MIN_RATE_HZ, MAX_RATE_HZ = 8_000, 48_000
G711_RATE_HZ = 8_000
"""The rate of telephones."""

SampleRate = Annotated[
    int,
    Meta(
        description="Samples a second; the engine's 24,000 by default, 8,000 for ulaw and alaw. opus, mp3 and aac know "
        "certain rates only",
        extra_json_schema={"minimum": MIN_RATE_HZ, "maximum": MAX_RATE_HZ},
    ),
]
"""OutputFormat checks the bounds: they belong to a format, and have a status of their own."""


class AudioFormat(StrEnum):
    """The names are OpenAI's, and those of G.711; all are mono.

    `pcm` is raw 16-bit little-endian; `ulaw` and `alaw` are raw bytes, one a sample.
    """

    WAV = "wav"
    PCM = "pcm"
    MP3 = "mp3"
    OPUS = "opus"
    AAC = "aac"
    FLAC = "flac"
    ULAW = "ulaw"
    ALAW = "alaw"

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
    # RFC 3551's names; audio/basic would mean 8 kHz.
    AudioFormat.ULAW: "audio/PCMU",
    AudioFormat.ALAW: "audio/PCMA",
}

_MPEG_RATES = (8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)
_CODEC_RATES = {
    AudioFormat.MP3: _MPEG_RATES,
    AudioFormat.AAC: _MPEG_RATES,
    AudioFormat.OPUS: (8_000, 12_000, 16_000, 24_000, 48_000),
}
"""Formats that are not here have every rate."""

_SUFFIXES = {format_.suffix: format_ for format_ in AudioFormat} | {
    ".wave": AudioFormat.WAV,
    ".raw": AudioFormat.PCM,
    ".ogg": AudioFormat.OPUS,
    ".oga": AudioFormat.OPUS,
    ".ul": AudioFormat.ULAW,
    ".al": AudioFormat.ALAW,
}


class OutputFormat(msgspec.Struct, frozen=True):
    """Format and sample rate of an answer. Raises UnsupportedSampleRate.

    sample_rate   Hz; None: G711_RATE_HZ for G.711, else the engine's rate
    bit_rate      bits a second of mp3, opus and aac; None: the usual one of the format
    """

    format: AudioFormat
    sample_rate: int | None = None
    bit_rate: int | None = None

    def __post_init__(self) -> None:
        if self.sample_rate is None:
            return
        asked = quoted(str(self.sample_rate)).strip("'")
        if not MIN_RATE_HZ <= self.sample_rate <= MAX_RATE_HZ:
            raise UnsupportedSampleRate(
                f"sample_rate: {asked} is not from {MIN_RATE_HZ} to {MAX_RATE_HZ}", param="sample_rate"
            )
        rates = _CODEC_RATES.get(self.format)
        if rates is not None and self.sample_rate not in rates:
            raise UnsupportedSampleRate(
                f"sample_rate: {self.format} has no {asked}; it has {', '.join(map(str, rates))}. "
                "wav, pcm and flac have every rate",
                param="sample_rate",
            )

    def rate_hz(self, engine_rate_hz: int) -> int:
        """Samples a second of the answer of an engine that speaks at `engine_rate_hz`."""
        if self.sample_rate is not None:
            return self.sample_rate
        return G711_RATE_HZ if self.format in (AudioFormat.ULAW, AudioFormat.ALAW) else engine_rate_hz


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
