"""How many connections may be open, silent or conversing."""

from contextlib import ExitStack

import pytest

from app.errors import Unavailable
from app.speech.connections import Connections


@pytest.mark.parametrize(("limit", "max_silent"), [(0, 0), (1, 1), (2, 1), (3, 2), (256, 128)])
def test_silent_connections_have_half_as_many_places(limit: int, max_silent: int) -> None:
    connections = Connections(limit)
    with ExitStack() as stack:
        for _ in range(max_silent):
            stack.enter_context(connections.connected())
        with pytest.raises(Unavailable, match="CHORUS_MAX_SOCKETS"):
            stack.enter_context(connections.connected())
        assert connections.num_open == max_silent
    assert connections.num_open == 0


def test_silent_connections_take_no_place_of_a_conversation() -> None:
    connections = Connections(2)
    with ExitStack() as stack:
        for _ in range(2):
            stack.enter_context(connections.connected())
            stack.enter_context(connections.conversing())
        stack.enter_context(connections.connected())
        assert (connections.num_conversing, connections.num_silent) == (2, 1)
        with pytest.raises(Unavailable, match="conversations"):
            stack.enter_context(connections.conversing())
        assert (connections.num_conversing, connections.num_silent) == (2, 1)
    assert (connections.num_conversing, connections.num_silent) == (0, 0)


def test_a_connection_may_converse_again() -> None:
    connections = Connections(1)
    with connections.connected():
        for _ in range(3):
            with connections.conversing():
                assert (connections.num_conversing, connections.num_silent) == (1, 0)
            assert (connections.num_conversing, connections.num_silent) == (0, 1)
