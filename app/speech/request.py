"""A checked request of a caller."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from app.speech.playback import Listener
from app.text.lexicon import MAX_SAID_CHARS, MAX_WORD_CHARS, NOT_BLANK, Pronunciation
from app.text.markup import Markup
from app.voices.manifest import MAX_ID_CHARS

SpeakerId = Annotated[str, Meta(max_length=MAX_ID_CHARS)]
MAX_LANGUAGE_CHARS = 40
LanguageCode = Annotated[str, Meta(max_length=MAX_LANGUAGE_CHARS)]
MarkupChoice = Annotated[
    Markup,
    Meta(
        description="How marks in the text are read. `auto`: SSML where the text begins with `<speak`, else "
        "Markdown and HTML where a mark can be nothing else. `plain`: as characters. `[pause 1s]` is a pause in all"
    ),
]
MIN_SPEED, MAX_SPEED = 0.5, 2.0
Speed = Annotated[float, Meta(ge=MIN_SPEED, le=MAX_SPEED, description="Pace of speech: 0.5 is half, 2.0 is double")]
MAX_SEED = 2**32 - 1
Seed = Annotated[int, Meta(ge=0, le=MAX_SEED, description="Same text, voice and seed: same audio")]
Temperature = Annotated[float, Meta(gt=0, le=2, description="Randomness of sampling; XTTS only")]
TopK = Annotated[int, Meta(ge=1, le=1024, description="Sample from the k best codes; XTTS only")]
TopP = Annotated[float, Meta(gt=0, le=1, description="Sample from the best codes that hold this share; XTTS only")]
RepetitionPenalty = Annotated[float, Meta(ge=1, le=20, description="Penalty on codes already said; XTTS only")]

MAX_ENTRIES = 1000
Entries = Annotated[
    dict[
        Annotated[str, Meta(min_length=1, max_length=MAX_WORD_CHARS, pattern=NOT_BLANK)],
        Annotated[str, Meta(min_length=1, max_length=MAX_SAID_CHARS, pattern=NOT_BLANK)] | Pronunciation,
    ],
    Meta(
        max_length=MAX_ENTRIES,
        description='How words are said in this text: `{"Nginx": "engine x"}`; whole words, in any case, unless an '
        'entry is `{"say": "jif", "case_sensitive": true}`',
        examples=[{"Nginx": "engine x"}],
    ),
]

CheckMode = Literal["off", "report", "retry"]
Check = Annotated[
    CheckMode,
    Meta(
        description="Check of the speech against its text, on a server with a recogniser. `report`: say what is "
        "missing, repeated or too much; `retry`: also speak such a segment again, up to three times. By default as "
        "the server is set"
    ),
]


class SpeechRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One text in one voice. None leaves a choice to the engine; a missing seed is drawn and reported."""

    text: str
    language: str = ""
    """empty: English, or the engine's first language"""
    markup: Markup = Markup.AUTO
    speaker_id: str | None = None
    speed: Speed = 1.0
    streaming: bool = False
    """True while the caller listens to it"""
    seed: Seed | None = None
    temperature: Temperature | None = None
    top_k: TopK | None = None
    top_p: TopP | None = None
    repetition_penalty: RepetitionPenalty | None = None
    lexicon: Entries = msgspec.field(default_factory=dict[str, str | Pronunciation])
    """words and how they are said; they come before those of CHORUS_LEXICON"""
    word_times: bool = False
    """True adds the times of words, which a speech recogniser finds"""
    can_wait: bool = False
    """True: perhaps of a batch job, so a stream may wait for as long as it takes"""
    check: CheckMode | None = None
    """None: CHORUS_CHECK, on a server with a recogniser"""
    listener: Listener | None = None
    """the same for answers that one listener hears one after the other"""
    allows_silence: bool = False
    """True answers a text without sound with a short silence and a warning instead of NothingToSpeak"""
    without_effect: tuple[str, ...] = ()
    """options of the caller's dialect that no engine has, for the warnings"""
    notes: tuple[str, ...] = ()
    """other differences from the caller's dialect: sentences for the warnings"""
