"""Parameters and bodies of Coqui's and MaryTTS's routes, for the OpenAPI document.

Their handlers read queries themselves, because a text may come in a header instead.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar

from litestar.openapi.spec import OpenAPIType, Operation, Parameter, Schema

from app.audio.formats import MAX_RATE_HZ, MIN_RATE_HZ
from app.http.dialects.coqui import CoquiSpeech, MarySpeech
from app.http.openapi.responses import BodyOperation
from app.speech.request import MAX_ID_CHARS, MAX_LANGUAGE_CHARS

URL_ENCODED = "application/x-www-form-urlencoded"


@dataclass
class QueryOperation(Operation):
    """Parameters of a query: the text first, with their longest values, and the sample rate."""

    names: ClassVar[Mapping[str, int | None]]
    rate: ClassVar[str]

    def __post_init__(self) -> None:
        self.parameters = [
            Parameter(
                name=name,
                param_in="query",
                required=max_length is None,
                schema=Schema(
                    type=OpenAPIType.STRING, min_length=1 if max_length is None else None, max_length=max_length
                ),
            )
            for name, max_length in self.names.items()
        ]
        rate = Schema(type=OpenAPIType.INTEGER, minimum=MIN_RATE_HZ, maximum=MAX_RATE_HZ)
        self.parameters.append(Parameter(name=self.rate, param_in="query", required=False, schema=rate))


@dataclass
class CoquiQuery(QueryOperation):
    names = MappingProxyType(
        {"text": None, "speaker_id": MAX_ID_CHARS, "language_id": MAX_LANGUAGE_CHARS, "voice": MAX_ID_CHARS}
    )
    rate = "sample_rate"


@dataclass
class MaryQuery(QueryOperation):
    names = MappingProxyType({"INPUT_TEXT": None, "VOICE": MAX_ID_CHARS, "LOCALE": MAX_LANGUAGE_CHARS})
    rate = "SAMPLE_RATE"


@dataclass
class CoquiForm(BodyOperation):
    schemas = MappingProxyType({URL_ENCODED: CoquiSpeech})


@dataclass
class MaryForm(BodyOperation):
    schemas = MappingProxyType({URL_ENCODED: MarySpeech})
