"""Handles of voices, which some protocols have twice: as the latents and as the embedding of a speaker."""

from app.errors import InvalidField


def one_handle(name: str, first: str, second: str) -> str:
    """The voice that both handles mean. Raises InvalidField where they differ."""
    if first != second:
        raise InvalidField(f"{name}: the two handles are of different voices; send both of one", param=name)
    return first
