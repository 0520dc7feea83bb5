"""The settings as the documents list them."""

from typing import Literal, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta

from app.settings import PREFIX, Settings


def variable_names() -> dict[str, str]:
    """CHORUS_* name -> field name."""
    return {PREFIX + field.upper(): field for field in Settings.__struct_fields__}


def describe_settings(kind: type[msgspec.Struct] = Settings, prefix: str = PREFIX) -> list[tuple[str, str, str]]:
    """(variable, default, meaning) for each setting, in the order of the fields."""
    rows: list[tuple[str, str, str]] = []
    for field in msgspec.structs.fields(kind):
        hint = get_type_hints(kind, include_extras=True)[field.name]
        description = next((part.description for part in get_args(hint) if isinstance(part, Meta)), None) or ""
        inner = get_args(hint)[0]
        default = "" if field.default is msgspec.NODEFAULT else str(field.default)
        if get_origin(inner) is Literal:
            description += f" ({', '.join(f'`{choice}`' for choice in get_args(inner))})"
        rows.append((prefix + field.name.upper(), default, description))
    return rows


def list_settings(kind: type[msgspec.Struct] = Settings, prefix: str = PREFIX) -> list[str]:
    """Each setting as an item of a document's list."""
    return [
        f"`{name}` (`{default}`): {meaning}" if default else f"`{name}`: {meaning}"
        for name, default, meaning in describe_settings(kind, prefix)
    ]
