from typing import Literal

import msgspec


class Queue(msgspec.Struct, kw_only=True):
    """Requests."""

    admitted: int
    waiting: int
    limit: int


class Slots(msgspec.Struct, kw_only=True):
    """Segments; of the recogniser, windows of up to 30 s."""

    busy: int
    total: int


class Capacity(msgspec.Struct, kw_only=True):
    """Streams, whose callers listen while they are made."""

    live: int
    """with audio still to be made"""
    streams: float
    """that are made at least as fast as they are played, by measured times"""


class RecognizerHealth(msgspec.Struct, kw_only=True):
    """The speech recogniser."""

    model: str
    device: str
    precision: str
    languages: tuple[str, ...]
    admitted: int
    """recordings now"""
    waiting: int
    """those of them with nothing recognised yet"""
    limit: int
    slots: Slots


class Health(msgspec.Struct, kw_only=True):
    """`GET /health`."""

    status: Literal["loading", "ok", "draining", "failed"]
    version: str
    uptime_s: float
    startup_s: dict[str, float]
    """seconds of each stage of this start"""
    in_flight: int
    restored_s: dict[str, float] | None = None
    """stages that came out of a snapshot, with the seconds they took when it was made; null without one"""
    storage: str | None = None
    """why lists of saved voices may differ from other servers'"""
    callers: str | None = None
    """why the newest CHORUS_API_KEYS_FILE is not in force"""
    lexicon: str | None = None
    """why the newest CHORUS_LEXICON is not in force"""
    engine: str | None = None
    model: str | None = None
    identity: str | None = None
    """digest of the model's weights, to which saved voices belong; null where the model's name has its version"""
    device: str | None = None
    precision: str | None = None
    """`float32`, `float16` or `int8`; null for an engine without a choice"""
    precision_reason: str | None = None
    """why that one"""
    vocoder_precision: str | None = None
    """`bfloat16` where the vocoder computes in it beside `int8`, else null"""
    languages: tuple[str, ...] | None = None
    languages_as_written: tuple[str, ...] | None = None
    """those whose numbers and abbreviations are not spelt out: send them as words"""
    notice: str | None = None
    queue: Queue | None = None
    slots: Slots | None = None
    capacity: Capacity | None = None
    recognizer: RecognizerHealth | None = None
    recognizer_missing: str | None = None
    """how to add one to this server; null with one, and while the server loads"""
    marks: str
    """marks of synthetic speech in answers, such as `metadata,c2pa`, or `off` (CHORUS_MARKS)"""
    unsigned: str | None = None
    """why files are not signed although `marks` has `c2pa`, such as a certificate that has ended"""
    error: str | None = None


class State(msgspec.Struct, kw_only=True):
    """`GET /health/live` and `GET /health/ready`."""

    status: Literal["loading", "ok", "draining", "failed"]
