from typing import Annotated

import msgspec
from litestar import post
from litestar.di import NamedDependency
from litestar.params import JSONBody
from msgspec import Meta

from app.http.openapi.responses import NORMALIZE_RESPONSES
from app.http.wire.schemas import Text
from app.speech.request import Entries, LanguageCode, MarkupChoice, SpeakerId
from app.speech.service import SpeechService
from app.speech.spoken_form import SpokenForm, served_spoken_form
from app.text.lexicon import Pronunciation
from app.text.markup import Markup


class NormalizeBody(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """`POST /normalize`."""

    text: Text
    language: Annotated[
        LanguageCode, Meta(description="Also one that the engine does not speak. Empty: the engine's default")
    ] = ""
    markup: MarkupChoice = Markup.AUTO
    speaker_id: Annotated[SpeakerId | None, Meta(description="A voice that the lexicon has words for")] = None
    lexicon: Entries = msgspec.field(default_factory=dict[str, str | Pronunciation])


@post(
    "/normalize",
    status_code=200,
    responses=NORMALIZE_RESPONSES,
    opt={"makes_audio": False},
    tags=["speech"],
    summary="What will be said for a text, with what each rule did; no audio",
)
async def normalize_text(data: JSONBody[NormalizeBody], service: NamedDependency[SpeechService]) -> SpokenForm:
    voice_id = data.speaker_id
    if voice_id is not None and await service.voices.is_name(voice_id):
        voice_id = await service.voices.identify(voice_id)
    return await served_spoken_form(
        service, data.text, data.language, data.lexicon, voice_id=voice_id, markup=data.markup
    )
