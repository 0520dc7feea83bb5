"""Fields of other servers' dialects, named in `X-Chorus-Warnings` as without effect.

The project's own routes refuse unknown fields, because they may be misspelled options.
"""

from collections.abc import Collection, Iterable

MAX_NAMED = 8
"""Unknown fields that are named one by one; headers have a limit."""
MAX_NAME_CHARS = 40


def unknown_names(sent: Iterable[str], known: Collection[str]) -> tuple[str, ...]:
    """Those of `sent` that are not `known`, as the warnings name them."""
    unknown = [name for name in sent if name not in known]
    named = [name[:MAX_NAME_CHARS] for name in unknown[:MAX_NAMED]]
    if len(unknown) > MAX_NAMED:
        named.append(f"each of {len(unknown) - MAX_NAMED} more fields")
    return tuple(named)
