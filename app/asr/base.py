"""The recogniser seam: all that `transcription` may ask of a recogniser, and the values that cross.

Imports neither ctranslate2 nor faster_whisper. Methods are called on the event loop and never block there.
"""

from typing import Literal, Protocol, Self

import msgspec

from app.asr.alignment import Aligner
from app.asr.samples import SAMPLE_RATE_HZ as SAMPLE_RATE_HZ
from app.asr.samples import Samples as Samples

Task = Literal["transcribe", "translate"]


class TranscriptionRequest(msgspec.Struct, frozen=True, eq=False, kw_only=True):
    """One recording and how to transcribe it."""

    samples: Samples
    task: Task = "transcribe"
    """`translate` gives English text"""
    language: str | None = None
    """a code of `RecognizerInfo.languages`; None detects it in the first 30 s of speech"""
    prompt: str = ""
    """text before the recording, for spelling and style; its last tokens are used"""
    temperature: float = 0.0
    """0: beam search, and higher temperatures for windows whose text is unlikely or repetitive; above 0: sampled at
    this temperature first"""
    beam_size: int = 5
    """texts that are followed at the same time at temperature 0: 1 halves the time and makes a few more errors"""
    low_latency: bool = False
    """give the model short speech with 5 to 15 s of context in place of 30 s, in a tenth to a third of the time; text
    that is unlikely or repeats itself is decoded again with 30 s"""
    is_draft: bool = False
    """the text will be replaced: a window whose first text is unlikely or repeats itself has none"""
    word_timestamps: bool = False


class Word(msgspec.Struct, frozen=True, kw_only=True):
    start_s: float
    end_s: float
    text: str
    """with the space in front of it in languages with spaces: joined, words are the segment's text"""
    probability: float


class RecognizedSegment(msgspec.Struct, frozen=True, kw_only=True):
    """A phrase or a sentence. Times count from the start of the recording."""

    index: int
    """from 0"""
    start_s: float
    end_s: float
    text: str
    """with the space in front of it in languages with spaces: segments are joined without a separator, then stripped"""
    tokens: tuple[int, ...]
    words: tuple[Word, ...] = ()
    """empty unless `word_timestamps`"""
    avg_logprob: float
    """of the window's tokens; as the next three, the same for every segment of a window"""
    compression_ratio: float
    no_speech_prob: float
    temperature: float

    def at(self, index: int) -> "RecognizedSegment":
        """A copy with another `index`."""
        return msgspec.structs.replace(self, index=index)


class LanguageDetected(msgspec.Struct, frozen=True):
    language: str
    probability: float
    """1.0 for a language that the request gave"""


class WindowWork(msgspec.Struct, frozen=True, kw_only=True):
    """The model's work on one window of at most 30 s. Moments are seconds since `submit`."""

    started_s: float
    ended_s: float
    num_turns: int
    """more than one where the window was decoded again"""
    encode_s: float
    """of those turns, which other windows share; as the next one"""
    decode_s: float


class Progress(msgspec.Struct, frozen=True):
    """Everything before `until_s` is transcribed."""

    until_s: float
    work: WindowWork | None = None
    """None behind silence, for which the model does nothing"""


class Finished(msgspec.Struct, frozen=True, kw_only=True):
    """The receipt of a request."""

    duration_s: float
    """of the recording"""
    speech_s: float
    """of it that was given to the model"""
    language: str | None
    """None where the recording has no speech and the request gave no language"""
    num_segments: int
    num_windows: int
    """of at most 30 s"""
    num_fallbacks: int
    """windows that were decoded again at a higher temperature"""
    queue_s: float
    """from `submit` to the first window in the model; all of it where there was none"""
    total_s: float
    """from `submit` to the end"""


RecognitionEvent = LanguageDetected | RecognizedSegment | Progress | Finished


class RecognitionStream(Protocol):
    """The events of one request, for one consumer.

    LanguageDetected comes once, before the first segment, and not at all where there is no speech. Segments come in the
    order of the recording, each window's with a Progress behind them; a minute of silence has a Progress too, which may
    be the first event. Finished is the last event.

    Iterating raises EngineFailure for a failure of the model, and Draining when the recogniser is closed.
    """

    def __aiter__(self) -> Self: ...

    async def __anext__(self) -> RecognitionEvent: ...

    async def aclose(self) -> None:
        """Cancel: no window of the request is begun any more. May be called at any time, also twice.

        Returns when no thread reads the recording any more: within a second.
        """
        ...


class RecognizerInfo(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    model: str
    """its id on the hub, its folder's name or `whisper-base`"""
    languages: tuple[str, ...]
    """codes, such as `en`; never empty"""
    can_translate: bool
    device: str
    """`cpu` or `cuda`"""
    precision: str
    """number format of the weights, such as `int8` or `float16`"""
    max_batch: int
    """windows that are decoded together"""
    max_admitted: int
    """requests at a time; one more is refused"""


class RecognizerStats(msgspec.Struct, frozen=True, kw_only=True):
    admitted_requests: int
    waiting_requests: int
    """with no window in the model yet"""
    waiting_windows: int
    """cut, and waiting for the model"""
    busy_windows: int
    """in the model now"""
    num_batches: int
    num_windows: int
    """decoded in those batches; a window that is decoded again counts again"""
    speech_s: float
    """seconds of speech transcribed, of requests that were cancelled too"""
    busy_s: float
    """seconds in which the model has computed"""


class Recognizer(Aligner, Protocol):
    """Recordings in, text out, for many callers at once; and known text beside its speech."""

    @property
    def info(self) -> RecognizerInfo: ...

    def stats(self) -> RecognizerStats: ...

    def check_room(self) -> None:
        """Raise the QueueFull that `submit` would raise now."""
        ...

    def seconds_until_place(self) -> int:
        """Whole seconds, at least 1, until the first of the admitted requests should end, by the measured pace."""
        ...

    def submit(self, request: TranscriptionRequest) -> RecognitionStream:
        """Admit a request, or raise at once.

        Raises QueueFull, Draining, UnsupportedLanguage, or InvalidField for a translation where `info.can_translate` is
        false.
        """
        ...

    async def aclose(self) -> None:
        """Stop: open streams raise Draining."""
        ...
