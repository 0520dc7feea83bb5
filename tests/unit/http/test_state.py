"""AppState: which recogniser a route gets, and why it gets none."""

import pytest

from app.errors import EngineNotReady, TranscriptionUnavailable
from app.http.access.middleware import Access
from app.http.state import AppState
from app.lifecycle import Lifecycle
from app.settings import Settings
from tests.support.fake_recognizer import FakeRecognizer


def make_state() -> AppState:
    settings = Settings()
    return AppState(settings, Lifecycle(), Access(settings))


def test_a_server_without_a_recogniser_names_the_command_that_adds_one() -> None:
    state = make_state()
    state.lifecycle.is_ready()
    with pytest.raises(TranscriptionUnavailable, match="make asr"):
        _ = state.recognizer


def test_a_recogniser_is_not_handed_out_before_the_server_is_ready() -> None:
    state = make_state()
    state.loaded_recognizer = FakeRecognizer()
    with pytest.raises(EngineNotReady):
        _ = state.recognizer
    state.lifecycle.is_ready()
    assert state.recognizer is state.loaded_recognizer
