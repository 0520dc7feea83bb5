"""The lists of models as OpenAI's clients and Open WebUI read them."""

import msgspec

RELEASED_AT = 1_700_000_000  # XTTS v2, November 2023


class OpenAIModel(msgspec.Struct, kw_only=True):
    """`GET /v1/models/{id}`."""

    id: str
    created: int = RELEASED_AT
    owned_by: str = "chorus"
    object: str = "model"


class OpenAIModelList(msgspec.Struct, kw_only=True):
    """`GET /v1/models`."""

    data: list[OpenAIModel]
    object: str = "list"


class ListedModel(msgspec.Struct, kw_only=True):
    id: str
    name: str


class ListedModels(msgspec.Struct, kw_only=True):
    """`GET /v1/audio/models`: not OpenAI's; Open WebUI asks for it."""

    models: list[ListedModel]
