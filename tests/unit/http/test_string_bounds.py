"""Every string that a caller sends has a maximum length, except texts and recordings, which have limits of their own.

The schemas of all routes, of the WebSocket and of Wyoming are walked, so a new field without a bound makes this red.
"""

import types
from collections.abc import Iterator, Mapping
from typing import Any, Union, get_args, get_origin

import msgspec
import pytest
from litestar.handlers import HTTPRouteHandler
from msgspec import inspect

from app.http.live import messages as live_messages
from app.http.live import transcribe_messages
from app.http.openapi.responses import BodyOperation
from app.server.app import ROUTES
from app.wyoming.fields import FIELDS

HANDLERS = [handler for handler in ROUTES if isinstance(handler, HTTPRouteHandler)]
BOUNDED_ELSEWHERE = {"text", "input", "reference_audio", "ref_audio", "audio", "INPUT_TEXT", "speaker_files"}
"""By CHORUS_MAX_TEXT_CHARS, and by the size of an upload."""


def unbounded(kind: inspect.Type, path: str) -> Iterator[str]:
    """Paths of the strings inside `kind` that may be of any length."""
    match kind:
        case inspect.StrType(max_length=None):
            yield path
        case inspect.Metadata(extra_json_schema={"format": "binary"}):
            pass  # a file of a form
        case inspect.Metadata(type=inner):
            yield from unbounded(inner, path)
        case inspect.UnionType(types=kinds):
            for inner in kinds:
                yield from unbounded(inner, path)
        case inspect.ListType(item_type=inner) | inspect.VarTupleType(item_type=inner):
            yield from unbounded(inner, f"{path}[]")
        case inspect.DictType(value_type=inner):
            yield from unbounded(inner, f"{path}{{}}")
        case inspect.StructType(fields=fields):
            for field in fields:
                yield from unbounded(field.type, f"{path}.{field.encode_name}")
        case _:
            pass


def bodies() -> Iterator[tuple[str, Any]]:
    for handler in HANDLERS:
        name = f"{'/'.join(sorted(map(str, handler.http_methods)))} {sorted(handler.paths)[0]}"
        if handler.parsed_data_field is not None:
            yield name, handler.parsed_data_field.annotation
        if issubclass(handler.operation_class, BodyOperation):
            schemas: Mapping[str, type[msgspec.Struct] | None] = handler.operation_class.schemas
            yield from ((f"{name} as {media_type}", schema) for media_type, schema in schemas.items() if schema)
    yield "WS /ws/tts", live_messages.Message
    yield "WS /ws/transcribe", transcribe_messages.Message
    yield from ((f"Wyoming {event}", fields) for event, fields in FIELDS.items())


@pytest.mark.parametrize(("where", "schema"), list(bodies()), ids=[name for name, _ in bodies()])
def test_every_string_of_a_body_has_a_maximum_length(where: str, schema: Any) -> None:
    found = unbounded(inspect.type_info(schema), where)
    assert {path for path in found if path.rpartition(".")[2].removesuffix("[]") not in BOUNDED_ELSEWHERE} == set()


def parameters() -> Iterator[tuple[str, Any]]:
    """Strings of paths and queries."""
    for handler in HANDLERS:
        for name, field in handler.parsed_fn_signature.parameters.items():
            of = get_args(field.annotation) if get_origin(field.annotation) in (Union, types.UnionType) else ()
            if str in (field.annotation, *of):
                yield f"{sorted(handler.paths)[0]} {name}", field


@pytest.mark.parametrize(("where", "field"), list(parameters()), ids=[name for name, _ in parameters()])
def test_every_string_of_a_path_or_query_has_a_maximum_length(where: str, field: Any) -> None:
    is_text = field.name in BOUNDED_ELSEWHERE
    assert is_text or field.kwarg_definition.max_length is not None, where


def test_the_walk_sees_strings_and_their_bounds() -> None:
    """Else it could be green because it sees nothing."""

    class Inner(msgspec.Struct):
        id: str

    class Outer(msgspec.Struct):
        short: live_messages.SpeakerId
        several: list[Inner]
        either: Inner | int | None = None

    assert list(unbounded(inspect.type_info(Outer), "o")) == ["o.several[].id", "o.either.id"]
    assert len(list(bodies())) > 15
    assert len(list(parameters())) >= 8
