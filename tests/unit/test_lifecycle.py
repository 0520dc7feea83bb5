import asyncio

import pytest

from app.errors import Draining, EngineFailure, EngineNotReady
from app.lifecycle import Lifecycle, Status


def test_requests_are_taken_only_between_loading_and_draining() -> None:
    async def scenario() -> None:
        lifecycle = Lifecycle()
        with pytest.raises(EngineNotReady):
            lifecycle.check()
        lifecycle.is_ready()
        lifecycle.check()
        await lifecycle.drain(0)
        with pytest.raises(Draining):
            lifecycle.check()

    asyncio.run(scenario())


def test_a_drain_during_loading_is_not_undone_when_loading_ends() -> None:
    async def scenario() -> Status:
        lifecycle = Lifecycle()
        await lifecycle.drain(0)
        lifecycle.is_ready()
        return lifecycle.status

    assert asyncio.run(scenario()) is Status.DRAINING


def test_a_failed_engine_says_so_to_each_request() -> None:
    lifecycle = Lifecycle()
    lifecycle.has_failed(EngineFailure("no such device"))
    with pytest.raises(EngineFailure, match="no such device"):
        lifecycle.check()


def test_draining_waits_for_the_last_request_and_leaving_twice_counts_once() -> None:
    async def scenario() -> tuple[bool, bool, int]:
        lifecycle = Lifecycle()
        lifecycle.is_ready()
        leave_first, leave_second = lifecycle.enter(), lifecycle.enter()
        leave_first()
        leave_first()
        early = await lifecycle.drain(0)
        draining = asyncio.create_task(lifecycle.drain(60))
        await asyncio.sleep(0)
        leave_second()
        return early, await draining, lifecycle.num_in_flight

    assert asyncio.run(scenario()) == (False, True, 0)


def test_stages_are_timed() -> None:
    times = iter([0.0, 1.0, 3.5])
    lifecycle = Lifecycle(clock=lambda: next(times))
    with lifecycle.stage("engine"):
        pass
    assert lifecycle.stages_s == {"engine": 2.5}
