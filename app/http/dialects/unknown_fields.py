"""Fields of other servers' dialects without effect, for `X-Chorus-Warnings`.

The project's own routes refuse unknown fields, which may be misspelled options.
"""

from collections.abc import Collection, Iterable, Mapping

from app.http.dialects.voice_fields import check_unknown_fields

MAX_NAMED = 8
"""More unknown fields are counted: headers have a limit."""
MAX_NAME_CHARS = 40


def unknown_fields(sent: Mapping[str, object], known: Collection[str], *, voice_field: str) -> tuple[str, ...]:
    """Names in `sent` that are not `known`, as the warnings show them.

    Raises InvalidField for one that says who is to speak; the message names `voice_field` in place of it.
    """
    check_unknown_fields(sent, known, instead=f"name the voice in `{voice_field}`")
    return unknown_names(sent, known)


def unknown_names(sent: Iterable[str], known: Collection[str]) -> tuple[str, ...]:
    """Names in `sent` that are not `known`, as the warnings show them."""
    unknown = [name for name in sent if name not in known]
    named = [name[:MAX_NAME_CHARS] for name in unknown[:MAX_NAMED]]
    if len(unknown) > MAX_NAMED:
        named.append(f"each of {len(unknown) - MAX_NAMED} more fields")
    return tuple(named)
