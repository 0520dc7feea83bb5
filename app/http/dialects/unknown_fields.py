"""What every foreign dialect needs: its own names in our errors, and a word on the fields that we do not know.

Clients of other servers send fields of those servers. Where our own routes refuse an unknown field, because it may be a
misspelled option, a dialect takes it and says in `X-Chorus-Warnings` that it did nothing.
"""

from collections.abc import Collection, Generator, Iterable, Mapping
from contextlib import contextmanager

import msgspec

from app.errors import ChorusError
from app.speech.request import SpeechRequest
from app.speech.service import SpeechService
from app.speech.stream import SpeechStream

MAX_NAMED = 8
"""Unknown fields that are named one by one; names are the caller's, and headers have a limit."""
MAX_NAME_CHARS = 40


async def speak(service: SpeechService, request: SpeechRequest, names: Mapping[str, str]) -> SpeechStream:
    """`service.speak`, with `param` of an error in the dialect's words. `names`: our name -> theirs."""
    with in_words_of(names):
        return await service.speak(request)


@contextmanager
def in_words_of(names: Mapping[str, str]) -> Generator[None]:
    """`param` of an error that leaves the block is in the dialect's words. `names`: our name -> theirs."""
    try:
        yield
    except ChorusError as error:
        error.param = names.get(error.param or "", error.param)
        raise


def unknown_fields(body: bytes, schema: type[msgspec.Struct]) -> tuple[str, ...]:
    """Names in the JSON object `body`, which has been decoded as `schema` already, that `schema` does not have."""
    return unknown_names(msgspec.json.decode(body, type=dict[str, msgspec.Raw]), schema.__struct_encode_fields__)


def unknown_names(sent: Iterable[str], known: Collection[str]) -> tuple[str, ...]:
    """Those of `sent` that are not `known`, as the warnings name them."""
    unknown = [name for name in sent if name not in known]
    named = [name[:MAX_NAME_CHARS] for name in unknown[:MAX_NAMED]]
    if len(unknown) > MAX_NAMED:
        named.append(f"each of {len(unknown) - MAX_NAMED} more fields")
    return tuple(named)
