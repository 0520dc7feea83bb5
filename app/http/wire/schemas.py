"""Wire schemas: the JSON that callers send and get. Unknown fields, perhaps misspelled options, are errors."""

from collections.abc import Sequence
from typing import Annotated, Literal

import msgspec
from litestar.params import PathParameter
from msgspec import Meta

from app.audio.formats import AudioFormat, OutputFormat, SampleRate
from app.audio.reference_check import Verdict
from app.errors import InvalidField
from app.speech.events import SegmentChecked, SegmentEnded, WordsSpoken
from app.speech.request import (
    MAX_ID_CHARS,
    Check,
    Entries,
    LanguageCode,
    MarkupChoice,
    RepetitionPenalty,
    Seed,
    SpeechRequest,
    Speed,
    Temperature,
    TopK,
    TopP,
)
from app.text.lexicon import Pronunciation
from app.text.markup import Markup
from app.voices.consent import SentConsent
from app.voices.manifest import MAX_ALIASES, MAX_CLIPS, Alias, AliasList, Consent, SavedVoice, VoiceName

Text = Annotated[str, Meta(min_length=1, description="What to say", examples=["Hello there."])]
Language = Annotated[
    LanguageCode, Meta(description="One of the engine's languages; `en-US` is `en`. Empty: the default")
]
IdInPath = Annotated[str, PathParameter(max_length=MAX_ID_CHARS)]

_RECORDINGS = "Recordings of the voice, in any format that FFmpeg reads"
_FILE: dict[str, object] = {"format": "binary"}
_BASE64 = r"^(data:[^,]*;base64,)?([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$"
RecordingFiles = Annotated[
    list[Annotated[str, Meta(extra_json_schema=_FILE)]],
    Meta(min_length=1, max_length=MAX_CLIPS, description=_RECORDINGS),
]
RecordingTexts = Annotated[
    list[Annotated[str, Meta(extra_json_schema={"contentEncoding": "base64", "pattern": _BASE64})]],
    Meta(min_length=1, max_length=MAX_CLIPS, description=f"{_RECORDINGS}; base64, or `data:` URLs with base64"),
]


def read_aliases(sent: Sequence[str] | str) -> tuple[str, ...]:
    """The aliases of a form or of JSON, each once. Raises InvalidField."""
    written = [part.strip() for part in sent.split(",") if part.strip()] if isinstance(sent, str) else sent
    once = {alias.casefold(): alias for alias in written}
    try:
        return msgspec.convert(tuple(once.values()), Annotated[tuple[Alias, ...], Meta(max_length=MAX_ALIASES)])
    except msgspec.ValidationError as error:
        raise InvalidField(f"aliases: {error}", param="aliases") from None


class SamplingOptions(msgspec.Struct, kw_only=True):
    """The options of every body and message that asks for speech. None leaves the choice to the engine."""

    seed: Seed | None = None
    temperature: Temperature | None = None
    top_k: TopK | None = None
    top_p: TopP | None = None
    repetition_penalty: RepetitionPenalty | None = None
    check: Check | None = None

    def to_request(
        self,
        text: str,
        *,
        speaker_id: str | None,
        language: str,
        speed: float,
        streaming: bool,
        markup: Markup = Markup.AUTO,
        lexicon: Entries | None = None,
        word_times: bool = False,
        allows_silence: bool = False,
        can_wait: bool = False,
        without_effect: tuple[str, ...] = (),
        notes: tuple[str, ...] = (),
    ) -> SpeechRequest:
        return SpeechRequest(
            text=text,
            speaker_id=speaker_id,
            language=language,
            speed=speed,
            streaming=streaming,
            markup=markup,
            seed=self.seed,
            temperature=self.temperature,
            top_k=self.top_k,
            top_p=self.top_p,
            repetition_penalty=self.repetition_penalty,
            check=self.check,
            lexicon=lexicon or {},
            word_times=word_times,
            can_wait=can_wait,
            allows_silence=allows_silence,
            without_effect=without_effect,
            notes=notes,
        )


class SpeechOptions(SamplingOptions, kw_only=True, forbid_unknown_fields=True):
    """The options that `POST /tts` and `POST /voice-clone` share."""

    language: Language = ""
    markup: MarkupChoice = Markup.AUTO
    speed: Speed = 1.0
    format: Annotated[AudioFormat, Meta(description="Format of the answer")] = AudioFormat.WAV
    sample_rate: SampleRate | None = None
    stream: Annotated[bool, Meta(description="Send audio while the rest is still being made")] = False
    timestamps: Annotated[
        Literal["segment", "word"] | None,
        Meta(
            description="Say which text is heard when: the answer is JSON then, and with `stream` server-sent events. "
            "`word` adds the times of words, on a server with a recogniser"
        ),
    ] = None
    lexicon: Entries = msgspec.field(default_factory=dict[str, str | Pronunciation])

    @property
    def output(self) -> OutputFormat:
        """Raises UnsupportedSampleRate."""
        return OutputFormat(self.format, self.sample_rate)


class CloneForm(SpeechOptions, kw_only=True, forbid_unknown_fields=True):
    """The fields of `POST /voice-clone` beside `reference_audio`."""

    text: Text
    consent: SentConsent = ""


class CloneUpload(CloneForm, kw_only=True, forbid_unknown_fields=True):
    """`POST /voice-clone` as a form."""

    reference_audio: RecordingFiles


class CloneBody(CloneForm, kw_only=True, forbid_unknown_fields=True):
    """`POST /voice-clone` as JSON."""

    reference_audio: RecordingTexts


class VoiceFields(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    name: VoiceName
    consent: Consent


class VoiceForm(VoiceFields, kw_only=True, forbid_unknown_fields=True):
    """The fields of `POST /voices` beside `reference_audio`."""

    aliases: Annotated[
        Annotated[list[Alias], Meta(max_length=MAX_ALIASES)] | AliasList,
        Meta(description="Other names that callers may say for the voice"),
    ] = ""

    @property
    def alias_names(self) -> tuple[str, ...]:
        """Raises InvalidField."""
        return read_aliases(self.aliases)


class VoiceUpload(VoiceFields, kw_only=True, forbid_unknown_fields=True):
    """`POST /voices` as a form."""

    aliases: AliasList = ""
    reference_audio: RecordingFiles


class VoiceBody(VoiceForm, kw_only=True, forbid_unknown_fields=True):
    """`POST /voices` as JSON."""

    reference_audio: RecordingTexts


class TimingReceipt(msgspec.Struct, kw_only=True):
    """Which text is heard when, and the event `done` of a stream.

    Times are those of the samples: exact in wav, pcm and flac; mp3, aac and opus put a delay of their own before them.
    """

    audio_s: float
    seed: int
    warnings: Annotated[tuple[str, ...], Meta(description="As in `X-Chorus-Warnings`, and those that came later")]
    segments: Annotated[tuple[SegmentEnded, ...], Meta(description="Seconds from the first sample; pauses between")]
    srt: Annotated[str, Meta(description="The segments, or the words, as a SubRip file")]
    vtt: Annotated[str, Meta(description="The segments, or the words, as a WebVTT file")]
    words: Annotated[
        tuple[WordsSpoken, ...] | msgspec.UnsetType,
        Meta(description="With `timestamps` `word`: the words of each segment; none where it could not be aligned"),
    ] = msgspec.UNSET
    checks: Annotated[
        tuple[SegmentChecked, ...] | msgspec.UnsetType,
        Meta(description="With `check` `report` or `retry`: the verdict of each segment"),
    ] = msgspec.UNSET


class EncodedAudio(msgspec.Struct, kw_only=True):
    format: AudioFormat
    media_type: str
    data: Annotated[bytes, Meta(description="The whole file, in base64")]


class TimedAnswer(TimingReceipt, kw_only=True):
    """A whole answer with `timestamps`."""

    audio: EncodedAudio


class AudioEvent(msgspec.Struct, kw_only=True):
    """The event `audio` of a stream with `timestamps`: the next bytes of the file, in base64."""

    data: bytes


class CheckForm(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """`POST /voices/check` has no fields beside `reference_audio`."""


class CheckUpload(CheckForm, kw_only=True, forbid_unknown_fields=True):
    """`POST /voices/check` as a form."""

    reference_audio: RecordingFiles


class CheckBody(CheckForm, kw_only=True, forbid_unknown_fields=True):
    """`POST /voices/check` as JSON."""

    reference_audio: RecordingTexts


class CheckedRecording(msgspec.Struct, kw_only=True):
    """Measurements of one recording, and advice. Levels in dBFS, rounded for reading."""

    name: str
    seconds: Annotated[float, Meta(description="Of what is used of it")]
    sample_rate_hz: int
    level_dbfs: Annotated[float | None, Meta(description="Level of the speech; null for silence")]
    clipped_share: Annotated[float, Meta(description="Share of samples that are cut off at full scale, 0 to 1")]
    noise_dbfs: Annotated[
        float | None,
        Meta(description="Level of the pauses; -100 stands for everything below, null says that there are no pauses"),
    ]
    snr_db: Annotated[float | None, Meta(description="Speech above noise; null where either is")]
    verdict: Verdict
    advice: Annotated[list[str], Meta(description="Sentences: what is wrong and what to do, the worst first")]


class RecordingsCheck(msgspec.Struct, kw_only=True):
    """`POST /voices/check`."""

    recordings: list[CheckedRecording]
    verdict: Annotated[Verdict, Meta(description="That of the worst recording")]


class StoredVoice(SavedVoice, frozen=True, kw_only=True):
    """A saved voice, as `/voices` answers."""

    usable: Annotated[
        bool,
        Meta(description="false: it was cloned with another model, and the one that is loaded cannot speak with it"),
    ]


class SavedVoiceList(msgspec.Struct, kw_only=True):
    """`GET /voices`."""

    voices: list[StoredVoice]
    count: int


class ErrorDetail(msgspec.Struct, kw_only=True):
    code: Annotated[str, Meta(description="Stable and for programs, such as `unknown_speaker`")]
    message: Annotated[str, Meta(description="What happened and what to do, for people")]
    type: Annotated[str, Meta(description="`invalid_request_error`, or `server_error` where it is our fault")]
    param: Annotated[str | None, Meta(description="The field at fault, where it is one field")]
    request_id: str


class ErrorBody(msgspec.Struct, kw_only=True):
    """Every error, on every route; OpenAI's shape."""

    error: ErrorDetail
