"""xtts-streaming-server, which pipecat's XTTSService speaks, and the conditioning of pipecat-xtts-vllm.

Source: coqui-ai/xtts-streaming-server, main.py; pipecat-ai 1.14, services/xtts; pipecat-xtts-vllm 0.1.1. Their clients
get the latents of a voice and send them back with each text. Here both are the voice's id: a handle of 22 characters in
place of 130 KB.
"""

from collections.abc import Sequence
from typing import Annotated

import msgspec
from msgspec import Meta

from app.audio.formats import AudioFormat, OutputFormat, SampleRate
from app.engine.base import Speaker
from app.http.dialects.handles import one_handle
from app.http.dialects.sillytavern import to_voices
from app.http.wire.schemas import RecordingFiles, RecordingTexts, SamplingOptions, Text
from app.speech.request import LanguageCode, SpeakerId, SpeechRequest
from app.voices.consent import SentConsent

FIELD_NAMES = {"speaker_id": "speaker_embedding"}
CLONE_FILE, CONDITIONING_FIELD = "wav_file", "speaker_files"
Handle = Annotated[SpeakerId, Meta(description="From `GET /studio_speakers` or `POST /clone_speaker`")]


class ClonedSpeaker(msgspec.Struct, kw_only=True):
    """A voice, twice: its clients expect two values."""

    speaker_embedding: Handle
    gpt_cond_latent: Handle


class Conditioning(msgspec.Struct, kw_only=True):
    """`POST /v1/tts/conditioning`: the voice, twice."""

    gpt_cond_latent_b64: str
    speaker_embeddings_b64: str


class StreamedSpeech(SamplingOptions, kw_only=True):
    """`POST /tts_stream`. `sample_rate` and the sampling options are ours."""

    text: Text
    language: LanguageCode | None = None
    speaker_embedding: Handle
    gpt_cond_latent: Handle
    add_wav_header: Annotated[bool, Meta(description="`false` sends PCM of 16 bit, mono")] = True
    stream_chunk_size: Annotated[
        int | Annotated[str, Meta(max_length=20)] | None, Meta(description="Accepted and reported as without effect")
    ] = None
    sample_rate: SampleRate | None = None

    @property
    def output(self) -> OutputFormat:
        """Raises UnsupportedSampleRate."""
        return OutputFormat(AudioFormat.WAV if self.add_wav_header else AudioFormat.PCM, self.sample_rate)

    def translated(self, unknown: tuple[str, ...]) -> SpeechRequest:
        """`unknown` names fields that were sent and have no meaning here. Raises InvalidField for two voices."""
        return self.to_request(
            self.text,
            speaker_id=one_handle("speaker_embedding", self.speaker_embedding, self.gpt_cond_latent),
            language=self.language or "",
            speed=1.0,
            streaming=True,
            allows_silence=True,
            without_effect=unknown,
        )


class SpeakerUpload(msgspec.Struct, kw_only=True):
    """`POST /clone_speaker`."""

    wav_file: RecordingFiles
    consent: SentConsent = ""


class ConditioningBody(msgspec.Struct, kw_only=True):
    """`POST /v1/tts/conditioning`."""

    speaker_files: RecordingTexts
    consent: SentConsent = ""


class CloneFields(msgspec.Struct):
    """The fields beside the recordings. Others have no effect."""

    consent: SentConsent = ""


def to_studio_speakers(speakers: Sequence[Speaker]) -> dict[str, ClonedSpeaker]:
    """By name; speakers of the same name are told apart by their ids."""
    return {
        voice.name: ClonedSpeaker(speaker_embedding=voice.voice_id, gpt_cond_latent=voice.voice_id)
        for voice in to_voices(speakers)
    }
