from typing import Annotated

from litestar import get
from litestar.di import NamedDependency
from litestar.params import Parameter

from app.http.openapi.responses import LIST_RESPONSES
from app.speech.service import SpeechService
from app.voices.built_in import SpeakerList


@get("/speakers", responses=LIST_RESPONSES, tags=["voices"], summary="The voices that can be named")
async def list_speakers(
    service: NamedDependency[SpeechService],
    refresh: Annotated[bool, Parameter(description="Make the list anew before answering")] = False,
) -> SpeakerList:
    return await service.voices.list(refresh=refresh)
