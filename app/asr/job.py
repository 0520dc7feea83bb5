"""One window on its way through the model: its features, its attempts, its result."""

from collections.abc import Callable

import msgspec

from app.asr.base import RecognizedSegment, TranscriptionRequest
from app.asr.fallback import Decoded, best_of, temperatures_for
from app.asr.inference import NUM_FRAMES, Encoded, Features
from app.asr.windows import Window

MAX_TOKENS = 224
"""Half of what Whisper's decoder reads, as in its own program; the other half is for the prompt."""
MAX_TOKENS_PER_S, MAX_TOKENS_MORE = 25, 25
"""Tokens of speech: more than any language has. A short word may be repeated for ever."""
SHORT_CONTEXTS = ((3.0, 500), (8.0, 1000), (13.0, 1500))
"""Seconds of speech, and the frames of 10 ms that it gets for a low latency: with less than 2 s of silence behind it,
the model repeats the end."""


class WindowResult(msgspec.Struct, frozen=True, kw_only=True):
    language: str
    language_probability: float
    segments: list[RecognizedSegment]
    num_fallbacks: int
    started_at_s: float
    ended_at_s: float
    num_turns: int
    encode_s: float
    """of those turns, as the next one"""
    decode_s: float
    rest: Window | None
    """of the window, to be decoded by itself: the text ends before it"""


class WindowJob:
    """One window on its way through the model.

    language    None detects it
    on_result   called on the model's thread, once, unless the request is cancelled
    """

    def __init__(
        self,
        owner: object,
        request: TranscriptionRequest,
        window: Window,
        features: Features,
        *,
        language: str | None,
        on_result: Callable[[WindowResult | BaseException], None],
    ) -> None:
        self.owner = owner
        self.request = request
        self.window = window
        self.features = features
        self.language = language
        self.language_probability = 1.0
        self.on_result = on_result
        self.encoded: Encoded | None = None
        self.attempts: list[Decoded] = []
        self.started_at_s: float | None = None
        self.ended_at_s = 0.0
        self.num_turns = 0
        self.encode_s = 0.0
        self.decode_s = 0.0
        self.is_alone = False
        """to be decoded without other windows: a turn with them failed"""
        self._temperatures = temperatures_for(request.temperature)[: 1 if request.is_draft else None]

    @property
    def temperature(self) -> float:
        return self._temperatures[len(self.attempts)]

    @property
    def is_last_attempt(self) -> bool:
        return len(self.attempts) == len(self._temperatures)

    @property
    def batch_key(self) -> tuple[object, ...]:
        """Prompts and features have the same length where it is equal, as a batch needs."""
        alone = id(self) if self.is_alone else None
        return self.temperature, self.request.beam_size, self.request.prompt, self.features.shape[1], alone

    @property
    def is_short(self) -> bool:
        """True with less context than the model was trained on."""
        return self.features.shape[1] < NUM_FRAMES

    @property
    def max_tokens(self) -> int:
        return min(MAX_TOKENS, round(MAX_TOKENS_PER_S * self.window.duration_s) + MAX_TOKENS_MORE)

    def add_turn(self, began_at_s: float, encoded_at_s: float, decoded_at_s: float) -> None:
        self.started_at_s = began_at_s if self.started_at_s is None else self.started_at_s
        self.ended_at_s = decoded_at_s
        self.num_turns += 1
        self.encode_s += encoded_at_s - began_at_s
        self.decode_s += decoded_at_s - encoded_at_s

    def accepts(self, attempt: Decoded) -> bool:
        return attempt.is_silence or (attempt.is_acceptable and self._has_end(attempt))

    @property
    def chosen(self) -> Decoded | None:
        """The last attempt if it is acceptable, otherwise the best one; None for no text."""
        last = self.attempts[-1]
        if last.is_silence or (self.request.is_draft and not self.accepts(last)):
            return None
        return last if self.accepts(last) else best_of(list(filter(self._has_end, self.attempts)) or self.attempts)

    def _has_end(self, attempt: Decoded) -> bool:
        """Text of MAX_TOKENS may be dense speech."""
        return self.max_tokens == MAX_TOKENS or len(attempt.tokens) < self.max_tokens

    def lengthen(self, features: Features) -> None:
        """Begin again with `features` of all context."""
        self.features, self.encoded, self.attempts = features, None, []


def num_frames_for(request: TranscriptionRequest, window: Window) -> int:
    """Frames that the features of `window` have."""
    contexts = SHORT_CONTEXTS if request.low_latency else ()
    return next((frames for seconds, frames in contexts if window.duration_s <= seconds), NUM_FRAMES)
