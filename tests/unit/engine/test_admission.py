import pytest

from app.engine.admission import Admission
from app.errors import QueueFull


def test_one_request_more_than_fits_is_refused_with_retry_after() -> None:
    admission = Admission(max_admitted=5)
    for _ in range(5):
        admission.admit(1, 0.0)
    with pytest.raises(QueueFull) as refusal:
        admission.admit(1, 20.0)
    assert refusal.value.retry_after_s == 10


def test_a_released_request_frees_its_place_once() -> None:
    admission = Admission(max_admitted=2)
    first = admission.admit(1, 0.0)
    admission.admit(1, 0.0)
    admission.release(first)
    admission.release(first)
    assert admission.num_admitted == 1
    admission.admit(1, 0.0)
    with pytest.raises(QueueFull):
        admission.admit(1, 0.0)


def test_a_request_waits_until_its_first_segment_is_started() -> None:
    admission = Admission(max_admitted=2)
    work = admission.admit(2, 1.0)
    assert admission.num_waiting == 1
    work.started_at_s = 2.0
    assert (admission.num_waiting, admission.num_admitted) == (0, 1)
