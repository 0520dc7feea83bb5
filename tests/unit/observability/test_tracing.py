"""Off, the seam keeps nothing and makes nothing."""

import tracemalloc

import pytest

from app.observability.tracing import NO_SPAN, NO_TRACER, current, span


def test_without_a_tracer_every_span_is_the_same_one() -> None:
    with NO_TRACER.request([(b"traceparent", b"00-" + b"1" * 32 + b"-" + b"1" * 16 + b"-01")]) as request:
        assert request is NO_SPAN
        with span("step") as step:
            step.set("key", 1)
            step.event("event", "key", 1)
            step.fail("Error")
            assert step is NO_SPAN
            assert step.child("deeper", began_at_s=1.0) is NO_SPAN
        assert current() is NO_SPAN
        step.end()
    assert step.trace_id == ""


def test_what_the_block_raises_goes_through() -> None:
    with pytest.raises(KeyError), span("step"):
        raise KeyError


def test_without_a_tracer_a_thousand_spans_leave_nothing_behind() -> None:
    def steps() -> None:
        for _ in range(1000):
            with span("step") as step:
                step.set("key", 1)

    steps()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        steps()
        after, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before < 1000
    assert peak - before < 1000
