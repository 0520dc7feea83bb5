"""SIGTERM while the model is downloaded: the process ends within five seconds, with nothing half-written in place."""

import asyncio
import signal
import time

from tests.chaos.attack import Tally
from tests.chaos.scenarios.scenario import Place, Scenario
from tests.chaos.server import running
from tests.support.hub import running_hub

LIMIT_S = 5.0


async def stop_a_download(place: Place, tally: Tally) -> None:
    with running_hub(place.checkpoint) as hub:
        hub.hold_after = {"model.pth": 200_000}
        try:
            async with running(
                place.folder,
                engine="xtts",
                tree=place.tree,
                wait=False,
                CHORUS_ACCEPT_CPML="1",
                HF_ENDPOINT=hub.url,
            ) as server:
                if not await asyncio.to_thread(hub.held.wait, 40):
                    tally.fault("the download did not begin")
                    return
                began_at_s = time.monotonic()
                server.process.send_signal(signal.SIGTERM)
                status = await server.ended(LIMIT_S + 3)
                took_s = time.monotonic() - began_at_s
                tally.add("ended" if status is not None else "alive")
                if status is None or took_s > LIMIT_S:
                    tally.fault(f"alive {took_s:.0f} s after SIGTERM")
                for path in (place.folder / "data").rglob("model.pth"):
                    if path.stat().st_size < (place.checkpoint / "model.pth").stat().st_size:
                        tally.fault(f"{path.name} is half-written")
        finally:
            hub.released.set()


SCENARIO = Scenario(
    name="SIGTERM ends a download",
    sends="SIGTERM while a hub holds model.pth back",
    run=stop_a_download,
    expects=frozenset({"ended"}),
)
