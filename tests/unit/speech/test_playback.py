"""Gaps in playback: underruns of the server, and pauses of the client that do not count."""

from app.speech.playback import MARGIN_S, Listener, Playback
from tests.support.clock import Clock


def play(*steps: float | str) -> Playback:
    """A player after steps: "+2" is a piece of two seconds, "taken" is that, and a number lets seconds pass."""
    clock = Clock()
    playback = Playback(clock)
    for step in steps:
        if isinstance(step, float):
            clock.now_s += step
        elif step == "taken":
            playback.taken()
        else:
            playback.delivered(float(step))
    return playback


def listen(*steps: float | str) -> int:
    """Underruns after steps."""
    return play(*steps).num_underruns


def test_the_wait_for_the_first_piece_is_no_gap() -> None:
    assert listen(60.0, "+1") == 0


def test_a_piece_that_comes_while_the_last_one_plays_is_no_gap() -> None:
    assert listen("+1", 0.75, "+1", 1.0, "+1", 1.25, "+1") == 0


def test_a_piece_that_comes_when_all_has_been_played_is_a_gap() -> None:
    assert listen("+1", 1.5, "+1") == 1


def test_after_a_gap_the_player_has_only_what_came_since() -> None:
    # What it waited for is not made up for by pieces that come later.
    assert listen("+1", 5.0, "+1", 0.5, "+1", 1.75, "+1") == 2
    assert listen("+1", 5.0, "+1", 0.5, "+1", 1.25, "+1") == 1


def test_audio_that_came_ahead_covers_a_later_wait() -> None:
    assert listen("+10", "+10", 19.0, "+1") == 0


def test_a_client_that_takes_its_time_hears_no_gap_of_ours() -> None:
    assert listen("+1", 30.0, "taken", 0.5, "+1", 30.0, "taken", 1.25, "+1") == 0


def test_a_client_that_took_its_time_and_is_then_let_wait_hears_one() -> None:
    assert listen("+1", 30.0, "taken", 1.5, "+1") == 1


def test_the_end_is_no_gap() -> None:
    assert listen("+1", 5.0) == 0


def test_the_largest_underrun_is_the_longest_of_all_gaps() -> None:
    assert play("+1", 0.75, "+1").largest_underrun_s == 0.0
    assert play("+1", 1.25, "+1").largest_underrun_s == 0.25
    assert play("+1", 1.25, "+1", 2.5, "+1", 1.125, "+1").largest_underrun_s == 1.5
    assert play("+1", 30.0, "taken", 1.5, "+1").largest_underrun_s == 0.5


def test_a_listener_has_in_hand_what_was_given_and_not_played() -> None:
    clock = Clock()
    listener = Listener(clock)
    assert listener.slack_s == listener.patience_s() == 0
    listener.gave(2.0)
    clock.now_s += 0.5
    listener.gave(1.0)
    assert listener.slack_s == 2.5
    assert listener.patience_s() == 2.5 - MARGIN_S
    clock.now_s += 10.0
    assert listener.slack_s == listener.patience_s() == 0


def test_a_gap_is_not_made_up_for_and_a_listener_that_stopped_has_nothing() -> None:
    clock = Clock()
    listener = Listener(clock)
    listener.gave(1.0)
    clock.now_s += 5.0
    listener.gave(1.0)
    assert listener.slack_s == 1.0
    listener.stopped()
    assert listener.slack_s == 0
