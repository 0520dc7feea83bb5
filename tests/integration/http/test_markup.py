import io
from typing import Any

import numpy as np
import pytest
import soundfile

from tests.support.http import post
from tests.support.server import RunningServer

RATE_HZ = 24_000


def spoken(server: RunningServer, text: str, **options: Any) -> np.ndarray[Any, Any]:
    answer = post(server, {"text": text, "seed": 3, "format": "wav"} | options)
    assert answer.status_code == 200, answer.text
    samples, _ = soundfile.read(io.BytesIO(answer.content), dtype="float32")
    return samples


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("# Heading one", "Heading one"),
        ("You **must** go now.", "You must go now."),
        ("Tom &amp; Jerry are <b>here</b>.", "Tom & Jerry are here."),
        ("See [the manual](https://example.com/a) now.", "See the manual now."),
        ("<speak>You <emphasis>must</emphasis> go now.</speak>", "You must go now."),
    ],
)
def test_marks_are_not_heard(embedded_server: RunningServer, written: str, said: str) -> None:
    np.testing.assert_array_equal(spoken(embedded_server, written), spoken(embedded_server, said))


def test_plain_reads_what_auto_leaves_out(embedded_server: RunningServer) -> None:
    assert len(spoken(embedded_server, "5 * 3 <b>", markup="plain")) > len(spoken(embedded_server, "5 * 3 <b>"))


def test_three_items_have_the_pauses_of_three_paragraphs(embedded_server: RunningServer) -> None:
    items = spoken(embedded_server, "- First item\n- Second item\n- Third item")
    np.testing.assert_array_equal(items, spoken(embedded_server, "First item\n\nSecond item\n\nThird item"))


@pytest.mark.parametrize(("pause", "seconds"), [("[pause 1500ms]", 1.5), ("[pause 0s]", 0.0), ("[pause 30s]", 10.0)])
def test_a_pause_has_its_length_in_the_times_and_in_the_samples(
    embedded_server: RunningServer, pause: str, seconds: float
) -> None:
    body = {"text": f"The first sentence is here. {pause} The second one follows.", "timestamps": "segment"}
    answer = post(embedded_server, body).json()
    first, second = answer["segments"]
    assert second["start_s"] - first["end_s"] == pytest.approx(seconds, abs=1e-4)
    assert any("at most 10 s" in warning for warning in answer["warnings"]) == (seconds == 10)


def test_pauses_at_both_ends_are_silence(embedded_server: RunningServer) -> None:
    samples = spoken(embedded_server, "[pause 1s] Hello there, my friend. [pause 2s]")
    assert not samples[:RATE_HZ].any()
    assert not samples[-2 * RATE_HZ :].any()
    assert len(samples) == len(spoken(embedded_server, "Hello there, my friend.")) + 3 * RATE_HZ


def test_a_slow_span_takes_longer(embedded_server: RunningServer) -> None:
    slow = spoken(embedded_server, "<speak><prosody rate='50%'>Hello there, my friend.</prosody></speak>")
    assert len(slow) > 1.5 * len(spoken(embedded_server, "Hello there, my friend."))


def test_what_has_no_effect_is_named_in_the_warnings(embedded_server: RunningServer) -> None:
    text = "<speak>Hello <voice name='Ada'>there</voice> <lang xml:lang='fr'>mon ami</lang>.</speak>"
    warnings = post(embedded_server, {"text": text}).headers["X-Chorus-Warnings"]
    assert "<voice>" in warnings
    assert "fr" in warnings


@pytest.mark.parametrize(
    ("text", "markup", "where"),
    [
        ("<speak>Hello\n<b></speak>", "auto", "line 2, column"),
        ("Hello", "ssml", "line 1, column 1"),
        ('<!DOCTYPE speak [<!ENTITY a "ha">]><speak>&a;</speak>', "auto", "DOCTYPE"),
        ("<speak>" + "<p>" * 150 + "</p>" * 150 + "</speak>", "auto", "100 deep"),
    ],
)
def test_ssml_that_cannot_be_read_is_refused_with_its_place(
    embedded_server: RunningServer, text: str, markup: str, where: str
) -> None:
    answer = post(embedded_server, {"text": text, "markup": markup})
    assert answer.status_code == 422, answer.text
    error = answer.json()["error"]
    assert (error["code"], error["param"]) == ("invalid_markup", "text")
    assert where in error["message"]


def test_an_unknown_markup_is_refused(embedded_server: RunningServer) -> None:
    assert post(embedded_server, {"text": "Hello", "markup": "latex"}).status_code == 400


@pytest.mark.parametrize("unit", ["*", "[", "![", "> ", "`a", "<a ", "&", "- ", "[pause 1", "|\n"])
def test_marks_without_words_end_in_an_answer(embedded_server: RunningServer, unit: str) -> None:
    text = (unit * 1000)[:1000] + " Hello."
    answer = post(embedded_server, {"text": text, "stream": True})
    assert answer.status_code in (200, 422)
