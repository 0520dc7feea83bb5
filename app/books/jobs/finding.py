"""The jobs of a data folder, as servers look through them every few seconds."""

import logging
from collections.abc import Mapping

import msgspec

from app.books.jobs.folder import JobFolder, JobFolders
from app.books.jobs.record import AT_REST, Intent, JobRequest, JobStatus, Wish
from app.errors import StorageFailure

logger = logging.getLogger(__name__)


class Found(msgspec.Struct, frozen=True):
    """A job of the data folder."""

    request: JobRequest
    wish: Wish
    intent: Intent
    status: JobStatus


def find_jobs(folders: JobFolders, earlier: Mapping[str, Found], unreadable: dict[str, str]) -> dict[str, Found]:
    """The jobs by their ids. Blocking. Those that cannot be read are left out; raises OSError for the folder of all.

    earlier      as they were found before: a request never changes, nor the state of a job at rest without a new wish
    unreadable   errors of jobs that could not be read before, by their ids. It is brought up to date; new errors are
                 logged
    """
    found: dict[str, Found] = {}
    faults: dict[str, str] = {}
    for id in folders.ids():
        try:
            found[id] = _find(folders.folder(id), earlier.get(id))
        except FileNotFoundError:
            continue  # removed meanwhile
        except (OSError, StorageFailure) as error:
            faults[id] = str(error)
            if unreadable.get(id) != faults[id]:
                logger.warning("job %s cannot be read: %s", id, error)
    unreadable.clear()
    unreadable.update(faults)
    return found


def _find(folder: JobFolder, known: Found | None) -> Found:
    wish = folder.read_wish()
    if known is not None and known.intent is Intent.REST and known.wish == wish:
        return known
    state = folder.read_state()
    intent, status = state.intent(wish), state.status
    if intent is Intent.PAUSE:
        status = JobStatus.PAUSED
    elif intent is Intent.RUN and status in AT_REST:  # of an earlier wish
        status = JobStatus.QUEUED
    return Found(folder.read_request() if known is None else known.request, wish, intent, status)
