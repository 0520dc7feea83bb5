"""JSON Schemas of the types that handlers take and give."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, cast

import msgspec
from litestar.handlers import HTTPRouteHandler
from litestar.typing import FieldDefinition

from app.http.openapi.responses import BodyOperation
from app.http.wire.schemas import ErrorBody, SamplingOptions

Json = dict[str, Any]  # Any: a JSON document


def error_forms(handlers: Sequence[HTTPRouteHandler]) -> dict[str, type[msgspec.Struct]]:
    """Path as the document writes it -> body of an error, of the routes whose errors have a form of their own."""
    return {
        re.sub(r":\w+}", "}", path): handler.opt["error_form"]
        for handler in handlers
        if "error_form" in handler.opt
        for path in handler.paths
    }


def schemas_of(handlers: Sequence[HTTPRouteHandler]) -> Json:
    """JSON Schemas of all types that these handlers take and give, by name, nested ones included."""
    annotations: list[Any] = [ErrorBody]
    for handler in handlers:
        signature = handler.parsed_fn_signature
        for field in (signature.return_type, *signature.parameters.values()):
            annotations += _annotations(field)
        responses = cast("Mapping[int, Any]", handler.responses or {})
        annotations += [spec.data_container for spec in responses.values()]
        annotations += [handler.opt["error_form"]] if "error_form" in handler.opt else []
        if issubclass(handler.operation_class, BodyOperation):
            annotations += handler.operation_class.schemas.values()
    structs = {kind for kind in annotations if isinstance(kind, type) and issubclass(kind, msgspec.Struct)}
    _, schemas = msgspec.json.schema_components(
        sorted(structs, key=lambda struct: struct.__name__), ref_template="#/components/schemas/{name}"
    )
    for struct in structs:
        schemas[struct.__name__] |= getattr(struct, "json_schema_rules", {})
    for schema in schemas.values():
        if "properties" in schema:
            schema["properties"] = _in_reading_order(schema["properties"], schema.get("required", []))
    return schemas


def _in_reading_order(properties: Json, required: Collection[str]) -> Json:
    """Required fields first, then the options of one struct, then those of every way of speaking."""
    names = sorted(properties, key=lambda name: (name not in required, name in SamplingOptions.__struct_fields__))
    return {name: properties[name] for name in names}


def _annotations(field: FieldDefinition) -> Iterator[Any]:
    """The annotation of a field and those inside it: `Response[Health]` gives both."""
    yield field.annotation
    for inner in field.inner_types:
        yield from _annotations(inner)
