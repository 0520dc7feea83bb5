"""The body of `POST /tts`: a text, or the turns of a dialogue."""

from collections.abc import Mapping
from typing import Annotated, ClassVar

import msgspec
from msgspec import UNSET, Meta, UnsetType

from app.errors import InvalidField
from app.http.wire.schemas import Language, SpeechOptions, Text
from app.speech.dialogue import MAX_PAUSE_MS, MAX_TURNS, Turn
from app.speech.request import SpeakerId, Speed
from app.text.markup.voices import split_at_voices


class TurnBody(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """One turn of a dialogue. Without a voice, language or speed of its own it has those of the request."""

    text: Text
    speaker_id: SpeakerId | None = None
    language: Language = ""
    speed: Speed | None = None
    pause_ms: Annotated[int, Meta(ge=0, le=MAX_PAUSE_MS, description="Silence behind the turn")] = 0


class TtsBody(SpeechOptions, kw_only=True, forbid_unknown_fields=True):
    """`POST /tts`."""

    json_schema_rules: ClassVar[Mapping[str, object]] = {"oneOf": [{"required": ["text"]}, {"required": ["turns"]}]}

    text: Text | UnsetType = UNSET
    turns: (
        Annotated[
            list[TurnBody],
            Meta(
                min_length=1,
                max_length=MAX_TURNS,
                description="In place of `text`: several voices one after the other, each turn sounds as a request "
                "for it alone",
            ),
        ]
        | UnsetType
    ) = UNSET
    speaker_id: Annotated[
        SpeakerId | None, Meta(description="An id from `GET /speakers`; the first one by default")
    ] = None

    def to_turns(self) -> list[Turn]:
        """One turn for a text without `[voice:NAME]`.

        Raises InvalidField for both of `text` and `turns`, for neither, and for too many voices.
        """
        if self.text is UNSET and self.turns is UNSET:
            raise InvalidField("text: missing; send it, or `turns` in place of it", param="text")
        if self.text is not UNSET and self.turns is not UNSET:
            raise InvalidField("text: leave it out beside `turns`", param="text")
        if self.turns is UNSET:
            assert self.text is not UNSET
            param, turns = "text", [TurnBody(text=self.text)]
        else:
            param, turns = "turns", self.turns
        pieces = [(turn, split_at_voices(turn.text, self.markup)) for turn in turns]
        if (num_pieces := sum(len(each) for _, each in pieces)) > MAX_TURNS:
            raise InvalidField(f"{param}: the voice changes {num_pieces} times; the limit is {MAX_TURNS}", param=param)
        return [
            self._to_turn(
                text,
                name or turn.speaker_id or self.speaker_id,
                language=turn.language or self.language,
                speed=self.speed if turn.speed is None else turn.speed,
                pause_s=turn.pause_ms / 1000 if number == len(each) else 0.0,
            )
            for turn, each in pieces
            for number, (name, text) in enumerate(each, 1)
        ]

    def _to_turn(self, text: str, speaker_id: str | None, *, language: str, speed: float, pause_s: float = 0.0) -> Turn:
        request = self.to_request(
            text,
            speaker_id=speaker_id,
            language=language,
            speed=speed,
            streaming=self.stream,
            markup=self.markup,
            lexicon=self.lexicon,
            word_times=self.timestamps == "word",
        )
        return Turn(request, pause_s)
