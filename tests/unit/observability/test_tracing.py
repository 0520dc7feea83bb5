"""Spans of a provider that is handed in, and the no-op without one."""

import tracemalloc

import pytest
from opentelemetry.trace import format_span_id

from app.observability.tracing import INVALID_SPAN, get_current_span, request_span, span, start_span, trace_id
from tests.support.traces import KeptSpans

TRACEPARENT = [(b"traceparent", b"00-" + b"1" * 32 + b"-" + b"2" * 16 + b"-01")]


POINTER_BYTES = 8
"""The least that a span would leave behind: a reference to it."""


def test_without_a_tracer_every_span_is_the_no_op() -> None:
    with span("step") as step:
        assert step is INVALID_SPAN
        assert start_span("deeper", parent=step) is INVALID_SPAN
        assert get_current_span() is INVALID_SPAN
        assert trace_id() == ""


def test_an_exception_passes_and_leaves_its_class_but_no_message() -> None:
    kept = KeptSpans()
    with (
        pytest.raises(KeyError),
        request_span(kept.tracer, []),
        span("step"),
    ):
        raise KeyError("marmalade")
    assert [each.name for each in kept.spans] == ["step", "request"]
    for each in kept.spans:
        assert each.attributes == {"error.type": "KeyError"}
        assert "marmalade" not in each.to_json()


def test_steps_are_below_the_request_and_the_request_below_the_callers_span() -> None:
    kept = KeptSpans()
    with request_span(kept.tracer, TRACEPARENT) as request:
        assert trace_id() == "1" * 32
        with span("step") as step:
            assert get_current_span() is step
        assert get_current_span() is request
    ended = {each.name: each for each in kept.spans}
    assert ended["request"].parent is not None and ended["step"].parent is not None
    assert format_span_id(ended["request"].parent.span_id) == "2" * 16
    assert ended["step"].parent.span_id == request.get_span_context().span_id


def test_after_the_request_no_step_is_traced() -> None:
    """A server may run the next exchange of a connection in the same context."""
    kept = KeptSpans()
    with request_span(kept.tracer, []):
        pass
    with span("step") as step:
        assert step is INVALID_SPAN
    assert len(kept.spans) == 1


def test_without_a_tracer_a_thousand_spans_leave_nothing_behind() -> None:
    def steps() -> None:
        for _ in range(1000):
            with span("step") as step:
                step.set_attribute("key", 1)

    steps()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        steps()
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before < 1000 * POINTER_BYTES
