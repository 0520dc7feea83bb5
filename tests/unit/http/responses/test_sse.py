"""Server-sent events: bytes as the standard has them."""

import pytest

from app.http.responses.sse import server_sent_event


def test_an_event_is_its_name_its_data_and_an_empty_line() -> None:
    assert server_sent_event(b'{"a": 1}', event="done") == b'event: done\ndata: {"a": 1}\n\n'


def test_an_event_without_a_name_is_its_data_alone() -> None:
    assert server_sent_event(b"[DONE]") == b"data: [DONE]\n\n"


@pytest.mark.parametrize("data", [b"a\nb", b"a\rb"])
def test_data_of_two_lines_is_a_mistake_of_ours(data: bytes) -> None:
    with pytest.raises(AssertionError):
        server_sent_event(data)
