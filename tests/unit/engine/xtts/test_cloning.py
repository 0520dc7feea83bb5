"""Cloning in its share of the time, on a simulated clock."""

from collections.abc import Generator, Sequence

import numpy as np
import pytest
import torch

from app.audio.reference import ReferenceClip
from app.engine.pace import Pace
from app.engine.xtts.cloning import DECODING_SHARE, URGENT_DECODING_SHARE, CloneStage, CloneVoice
from app.engine.xtts.voice.speakers import VoiceConditioning
from app.errors import ChorusError, Draining, EngineFailure, UnusableReference

VOICE = VoiceConditioning(torch.zeros(32, 64), torch.zeros(512, 1))
STEP_S = 0.05


class Machine:
    """A device on which a piece of conditioning takes 1 s and a decode step 0.05 s; `turn` is one of the engine."""

    def __init__(self, num_pieces: int = 4) -> None:
        self.now_s = 0.0
        self.num_pieces = num_pieces
        self.pace = Pace()
        self.stage = CloneStage(self, clock=lambda: self.now_s, pace=self.pace)  # type: ignore[arg-type]
        self.began: list[str] = []
        self.results: list[VoiceConditioning | Exception] = []
        self.failure: Exception | None = None
        self.num_steps = 0

    def pieces(self, clips: Sequence[ReferenceClip]) -> Generator[None, None, VoiceConditioning]:
        self.began.append(clips[0].sha256)
        for number in range(self.num_pieces):
            self.now_s += 1.0
            if self.failure:
                raise self.failure
            if number < self.num_pieces - 1:
                yield
        return VOICE

    def clone(self, name: str = "a") -> CloneVoice:
        clip = ReferenceClip(samples=np.zeros(2205, np.float32), sample_rate_hz=22050, sha256=name)
        clone = CloneVoice((clip,), self.results.append)
        self.stage.add(clone)
        return clone

    def turn(self, *, is_decoding: bool = True, is_urgent: bool = False) -> None:
        self.stage.run(is_decoding=is_decoding, is_urgent=is_urgent)
        if is_decoding:
            self.now_s += STEP_S
            self.num_steps += 1
            self.stage.decoded_for(STEP_S)


def test_one_piece_is_done_in_a_turn() -> None:
    machine = Machine()
    machine.clone()
    for _ in range(4):
        assert machine.results == []
        machine.turn(is_decoding=False)
    assert machine.results == [VOICE]
    assert not machine.stage.has_work
    assert machine.now_s == 4.0  # an idle engine clones without a pause


@pytest.mark.parametrize(("is_urgent", "share"), [(False, DECODING_SHARE), (True, URGENT_DECODING_SHARE)])
def test_decoding_keeps_its_share_beside_callers_who_clone_without_end(*, is_urgent: bool, share: float) -> None:
    machine = Machine()
    while machine.now_s < 500:
        while len(machine.stage._waiting) < 3:
            machine.clone()
        machine.turn(is_urgent=is_urgent)
    decoding_s = machine.num_steps * STEP_S
    assert decoding_s / machine.now_s == pytest.approx(share / (1 + share), rel=0.05)
    assert decoding_s / machine.now_s > 0.5
    assert len(machine.results) > 500 / (1 + share) / 4 * 0.9  # and cloning is not starved either


def test_clones_are_made_in_the_order_of_their_arrival() -> None:
    machine = Machine()
    for name in "abc":
        machine.clone(name)
    while machine.stage.has_work:
        machine.turn()
    assert machine.began == ["a", "b", "c"]


def test_a_cancelled_clone_leaves_whether_it_waits_or_is_half_made() -> None:
    machine = Machine()
    first, second, _ = machine.clone("a"), machine.clone("b"), machine.clone("c")
    machine.turn(is_decoding=False)
    first.is_cancelled = second.is_cancelled = True
    while machine.stage.has_work:
        machine.turn(is_decoding=False)
    assert machine.began == ["a", "c"]
    assert machine.results == [VOICE]


@pytest.mark.parametrize(
    ("failure", "told"),
    [(UnusableReference("too short"), UnusableReference), (RuntimeError("boom"), EngineFailure)],
)
def test_a_clone_that_fails_is_told_and_the_next_one_is_made(failure: Exception, told: type[ChorusError]) -> None:
    machine = Machine()
    machine.clone("a")
    machine.failure = failure
    machine.turn(is_decoding=False)
    machine.failure = None
    machine.clone("b")
    while machine.stage.has_work:
        machine.turn(is_decoding=False)
    assert isinstance(machine.results[0], told)
    assert machine.results[1:] == [VOICE]


def test_a_device_that_is_lost_is_told_to_the_caller_and_raised() -> None:
    machine = Machine()
    machine.clone()
    machine.failure = torch.AcceleratorError("CUDA error: an illegal memory access was encountered")
    with pytest.raises(torch.AcceleratorError):
        machine.turn()
    assert isinstance(machine.results[0], EngineFailure)


def test_at_the_end_every_waiting_caller_is_told() -> None:
    machine = Machine()
    for name in "abc":
        machine.clone(name)
    machine.turn()
    machine.stage.fail(Draining("the server is shutting down"))
    assert [type(result) for result in machine.results] == [Draining] * 3
    assert not machine.stage.has_work


def test_the_pace_of_cloning_is_measured_with_the_pauses_for_decoding() -> None:
    machine = Machine()
    machine.clone()
    while machine.stage.has_work:
        machine.turn()
    assert machine.pace.audio_per_s == pytest.approx(0.1 / machine.now_s, rel=0.1)
