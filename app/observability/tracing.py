"""Tracing, as everything else sees it: the steps of a request as spans, which cost nothing unless somebody takes them.

The span around a piece of code is in a context variable: tasks and worker threads inherit it, so that a step finds the
request it belongs to without being handed it. Without a tracer it is `NO_SPAN`, which every `child` of it is too.
Knows no library of tracing and no text, key or recording of a caller: names and figures only.
"""

from collections.abc import Iterable
from contextvars import ContextVar
from types import TracebackType

Value = str | int | float | bool


class Span:
    """A step with a beginning and an end. This one is nobody's: whatever it is told, it keeps nothing.

    `with` makes it the span around the block, and what the block raises its failure. Never around a `yield`: whoever
    resumes a generator may be in another context. There, keep a `child` and `end` it.

    Moments are on `time.perf_counter`, in seconds; None is now.
    """

    __slots__ = ()

    @property
    def trace_id(self) -> str:
        """32 hexadecimal digits, or nothing."""
        return ""

    def child(self, name: str, *, began_at_s: float | None = None) -> "Span":
        return self

    def name(self, name: str) -> None:
        """Give it another name than it began with."""

    def set(self, key: str, value: Value) -> None:
        """Say something of it. OpenTelemetry's own keys where there are, else `chorus.<what>`."""

    def event(self, name: str, key: str, value: Value) -> None:
        """Something that happened within it, now."""

    def fail(self, kind: str) -> None:
        """It did not do what it was for: an error's class, or a status, never a message."""

    def end(self, *, at_s: float | None = None) -> None:
        """Once; what comes after the first time does nothing."""

    def __enter__(self) -> "Span":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        return None


NO_SPAN = Span()
_around: ContextVar[Span] = ContextVar("span", default=NO_SPAN)


class Tracer:
    """Begins the span of each request. This one takes none."""

    def request(self, headers: Iterable[tuple[bytes, bytes]]) -> Span:
        """The span of a request, which continues the caller's trace where `headers` (as ASGI has them) name one."""
        return NO_SPAN

    def close(self) -> None:
        """Send what is left; blocks, for a bounded time."""


NO_TRACER = Tracer()


def span(name: str) -> Span:
    """The next step of what is around: `with span("segment"):`."""
    return _around.get().child(name)


def current() -> Span:
    return _around.get()


class ActiveSpan(Span):
    """What a span of a real tracer is built on: `with` puts it around the block, marks it and ends it."""

    __slots__ = ("_token",)

    def __enter__(self) -> Span:
        self._token = _around.set(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        _around.reset(self._token)
        if kind is not None:
            self.fail(kind.__name__)
        self.end()
