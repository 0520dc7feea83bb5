"""Markup on the XTTS path: a span is spoken in its own language and at its own rate."""

from typing import Any

import numpy as np
import pytest

from tests.support.server import RunningServer
from tests.support.speaking import samples_of, speak

RATE_HZ = 24_000


def spoken(server: RunningServer, text: str, **body: Any) -> Any:
    return samples_of(speak(server, text=text, seed=7, **body))


@pytest.mark.parametrize(
    ("written", "said", "language"),
    [
        ("# Heading one", "Heading one", "en"),
        ("- [ ] Buy some milk.", "Buy some milk.", "en"),
        ("**Note:** be careful here.", "Note: be careful here.", "en"),
        ("Tom &amp; Jerry are here.", "Tom & Jerry are here.", "en"),
        ("这是**“重要。”**的事。", "这是“重要。”的事。", "zh-cn"),
    ],
)
def test_marks_are_not_heard(xtts_server: RunningServer, written: str, said: str, language: str) -> None:
    np.testing.assert_array_equal(
        spoken(xtts_server, written, language=language), spoken(xtts_server, said, language=language)
    )


def test_a_span_is_spoken_in_its_own_language(xtts_server: RunningServer) -> None:
    span = "<speak><lang xml:lang='de'>Guten Tag, 21 Hunde.</lang></speak>"
    np.testing.assert_array_equal(
        spoken(xtts_server, span, language="en"), spoken(xtts_server, "Guten Tag, 21 Hunde.", language="de")
    )


def test_a_rate_is_the_speed_of_its_span(xtts_server: RunningServer) -> None:
    span = "<speak><prosody rate='150%'>Hello there, my old friend.</prosody></speak>"
    np.testing.assert_array_equal(
        spoken(xtts_server, span), spoken(xtts_server, "Hello there, my old friend.", speed=1.5)
    )


def test_a_pause_at_the_end_is_silence(xtts_server: RunningServer) -> None:
    samples = spoken(xtts_server, "Hello there, my old friend. [pause 1s]")
    assert not samples[-RATE_HZ:].any()
    assert len(samples) == len(spoken(xtts_server, "Hello there, my old friend.")) + RATE_HZ
