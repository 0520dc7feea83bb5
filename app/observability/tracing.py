"""Traces by OpenTelemetry's API: a span for each request, and below it spans for its steps.

Without a TracerProvider every span is the API's no-op. The current span and the tracer are context variables, which
tasks and worker threads inherit; no provider is global, so apps of one process may differ. Attributes are names and
figures, never a caller's text, key or recording.
"""

import time
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from contextvars import ContextVar

from opentelemetry import trace
from opentelemetry.trace import (
    INVALID_SPAN,
    NoOpTracer,
    Span,
    SpanKind,
    StatusCode,
    Tracer,
    TracerProvider,
    get_current_span,
)
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

__all__ = ["INVALID_SPAN", "Span", "Tracer", "TracerProvider", "get_current_span"]

_NO_OP = NoOpTracer()
_tracer: ContextVar[Tracer] = ContextVar("tracer", default=_NO_OP)
_propagator = TraceContextTextMapPropagator()


@contextmanager
def request_span(tracer: Tracer, headers: Iterable[tuple[bytes, bytes]]) -> Generator[Span]:
    """The span of a request around the block; the steps inside are made by `tracer` too.

    It continues the caller's trace where `headers`, as ASGI has them, hold `traceparent` (W3C Trace Context).
    """
    context = _propagator.extract({name.decode("latin-1"): value.decode("latin-1") for name, value in headers})
    token = _tracer.set(tracer)
    try:
        with active(tracer.start_span("request", context, SpanKind.SERVER)) as request:
            yield request
    finally:
        _tracer.reset(token)


def start_span(name: str, *, parent: Span | None = None, start_ns: int | None = None) -> Span:
    """Start a child of `parent`, or of the current span, at `start_ns` nanoseconds of the wall clock, or now."""
    context = None if parent is None else trace.set_span_in_context(parent)
    return _tracer.get().start_span(name, context, start_time=start_ns)


@contextmanager
def span(name: str) -> Generator[Span]:
    """A step below the current span. The block must not yield: a generator may be resumed in another context."""
    with active(start_span(name)) as step:
        yield step


@contextmanager
def active(span: Span) -> Generator[Span]:
    """Make `span` the current one, end it after the block, and mark it as failed where the block raises."""
    # The API's own marks hold the exception's message, which may quote the caller.
    with trace.use_span(span, end_on_exit=True, record_exception=False, set_status_on_exception=False):
        try:
            yield span
        except BaseException as error:
            fail(span, type(error).__name__)
            raise


def fail(span: Span, kind: str) -> None:
    """Mark `span` as failed; `kind` is a class of errors or an HTTP status, never a message."""
    if span.is_recording():  # the SDK logs a warning for a span that has ended
        span.set_attribute("error.type", kind)
        span.set_status(StatusCode.ERROR)


def trace_id() -> str:
    """The trace of the current span as 32 hexadecimal digits, or "" without one."""
    context = get_current_span().get_span_context()
    return trace.format_trace_id(context.trace_id) if context.is_valid else ""


def wall_clock_offset_ns() -> int:
    """Difference in nanoseconds between the wall clock, which spans need, and `time.perf_counter`."""
    return time.time_ns() - time.perf_counter_ns()
