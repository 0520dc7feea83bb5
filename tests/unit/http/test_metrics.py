"""What one ended answer adds to the page."""

import pytest
from prometheus_client.parser import text_string_to_metric_families

from app.http.metrics import Metrics
from app.speech.lifecycle import Lifecycle
from app.speech.speech import Receipt


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
    metrics.on_answer_end(receipt(), delivered_s=8.0)
    page = samples(metrics)
    assert page["chorus_audio_seconds_total"] == 8.0
    assert page["chorus_queue_seconds_sum"] == 0.25
    assert page["chorus_first_audio_seconds_sum"] == 0.5
    assert page["chorus_real_time_factor_sum"] == 0.25


def test_an_answer_that_broke_has_no_real_time_factor(metrics: Metrics) -> None:
    metrics.on_answer_end(receipt(total_s=None), delivered_s=3.0)
    page = samples(metrics)
    assert page["chorus_audio_seconds_total"] == 3.0
    assert page["chorus_first_audio_seconds_count"] == 1
    assert page["chorus_real_time_factor_count"] == 0


def test_what_an_answer_did_not_reach_is_not_counted(metrics: Metrics) -> None:
    metrics.on_answer_end(receipt(queue_s=None, first_audio_s=None, audio_s=0.0), delivered_s=0.0)
    page = samples(metrics)
    assert page["chorus_audio_seconds_total"] == 0
    assert page["chorus_queue_seconds_count"] == 0
    assert page["chorus_first_audio_seconds_count"] == 0
    assert page["chorus_real_time_factor_count"] == 0
