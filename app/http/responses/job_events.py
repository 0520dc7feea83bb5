"""The progress of a job as server-sent events."""

import time
from collections.abc import AsyncGenerator

import msgspec

from app.books.jobs.keeper import BookJobs, JobView
from app.books.jobs.record import AT_REST
from app.errors import ChorusError, Draining
from app.http.responses.sse import server_sent_event
from app.http.wire.errors import error_body
from app.http.wire.jobs import to_summary
from app.lifecycle import Lifecycle, Status

REPEAT_S = 15.0
"""An event is sent again after so long without a change, so that a client that has gone is noticed."""


async def job_events(jobs: BookJobs, owner: str, id: str, lifecycle: Lifecycle) -> AsyncGenerator[bytes]:
    """Ends behind `done`, or behind an `error` event: the job was deleted, or the server shuts down."""
    shown: JobView | None = None
    shown_at_s = 0.0
    try:
        while True:
            if lifecycle.status is not Status.OK:
                raise Draining("the server is shutting down; ask again in a moment")
            view = await jobs.get(owner, id)
            if view != shown or time.monotonic() - shown_at_s > REPEAT_S:
                shown, shown_at_s = view, time.monotonic()
                yield _event("progress", view)
            if view.state.status in AT_REST:
                yield _event("done", view)
                return
            await jobs.change()
    except ChorusError as error:
        yield server_sent_event(msgspec.json.encode(error_body(error)), event="error")


def _event(name: str, view: JobView) -> bytes:
    return server_sent_event(msgspec.json.encode(to_summary(view)), event=name)
