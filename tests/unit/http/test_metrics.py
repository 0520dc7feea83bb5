"""One ended answer in the metrics."""

import msgspec
import pytest
from prometheus_client.parser import text_string_to_metric_families

from app.engine.base import DeviceMemory
from app.http.metrics import REQUEST_BUCKETS_S, Metrics
from app.lifecycle import Lifecycle
from app.settings import Settings
from app.speech.events import SegmentEnded
from app.speech.receipt import Receipt
from tests.support.fake_engine import FakeEngine

SLOW_CHARS_PER_S = 12


def samples(metrics: Metrics) -> dict[str, float]:
    """Values of the samples without labels."""
    families = text_string_to_metric_families(metrics.page().decode())
    return {each.name: each.value for family in families for each in family.samples if not each.labels}


def receipt(**fields: float | None) -> Receipt:
    times = {"queue_s": 0.25, "first_audio_s": 0.5, "total_s": 2.0, "audio_s": 8.0} | fields
    return Receipt(engine="fake", seed=1, warnings=(), **times)  # type: ignore[arg-type]


@pytest.fixture
def metrics() -> Metrics:
    return Metrics(Lifecycle(), lambda: None)


def test_a_finished_answer_is_in_every_figure(metrics: Metrics) -> None:
    metrics.on_answer_end(receipt(delivered_s=8.0))
    page = samples(metrics)
    assert page["chorus_audio_seconds_total"] == 8.0
    assert page["chorus_queue_seconds_sum"] == 0.25
    assert page["chorus_first_audio_seconds_sum"] == 0.5
    assert page["chorus_real_time_factor_sum"] == 0.25


def test_an_answer_that_broke_has_no_real_time_factor(metrics: Metrics) -> None:
    metrics.on_answer_end(receipt(total_s=None, delivered_s=3.0))
    page = samples(metrics)
    assert page["chorus_audio_seconds_total"] == 3.0
    assert page["chorus_first_audio_seconds_count"] == 1
    assert page["chorus_real_time_factor_count"] == 0


def test_what_an_answer_did_not_reach_is_not_counted(metrics: Metrics) -> None:
    metrics.on_answer_end(receipt(queue_s=None, first_audio_s=None, audio_s=0.0))
    page = samples(metrics)
    assert page["chorus_audio_seconds_total"] == 0
    assert page["chorus_queue_seconds_count"] == 0
    assert page["chorus_first_audio_seconds_count"] == 0
    assert page["chorus_real_time_factor_count"] == 0


def test_gaps_segments_and_characters_add_up(metrics: Metrics) -> None:
    spoken = msgspec.structs.replace(
        receipt(), segments=(SegmentEnded(0, "x" * 15, 0.0, 1.0), SegmentEnded(1, "x" * 25, 1.0, 2.0))
    )
    metrics.on_answer_end(msgspec.structs.replace(spoken, num_underruns=3))
    metrics.on_answer_end(spoken)
    page = samples(metrics)
    assert page["chorus_underruns_total"] == 3
    assert page["chorus_segments_total"] == 4
    assert page["chorus_characters_total"] == 80


def test_the_longest_text_spoken_at_the_pace_of_speech_is_inside_the_buckets() -> None:
    assert Settings().max_text_chars / SLOW_CHARS_PER_S < REQUEST_BUCKETS_S[-1]


def test_what_the_engine_counts_and_holds_is_on_the_page() -> None:
    engine = FakeEngine()
    metrics = Metrics(Lifecycle(), lambda: engine)
    assert samples(metrics)["chorus_segments_retried_total"] == samples(metrics)["chorus_segments_cut_total"] == 0
    assert "chorus_device_memory_bytes" not in metrics.page().decode()
    engine.device_memory = DeviceMemory(allocated=1, reserved=2, limit=3)
    engine.decode_steps, engine.segments_retried, engine.segments_cut = 6, 4, 5
    page = samples(metrics)
    assert page["chorus_decode_steps_total"] == 6
    assert (page["chorus_segments_retried_total"], page["chorus_segments_cut_total"]) == (4, 5)
    memory = {
        each.labels["kind"]: each.value
        for family in text_string_to_metric_families(metrics.page().decode())
        for each in family.samples
        if each.name == "chorus_device_memory_bytes"
    }
    assert memory == {"allocated": 1, "reserved": 2, "limit": 3}
