"""Works on the jobs of a data folder, a few at a time.

Servers that share the folder share its jobs: a file of each job says what is wanted, a lease which server works.
"""

import asyncio
import contextlib
import logging
import time
from collections import Counter
from collections.abc import Callable
from functools import partial

import msgspec

from app.asr.base import Recognizer
from app.books.jobs.finding import Found, find_jobs
from app.books.jobs.folder import MAX_NEW_AGE_S, JobFolder, JobFolders
from app.books.jobs.making import JobMaker
from app.books.jobs.record import Intent, JobError, JobState, JobStatus
from app.books.jobs.turns import in_turn
from app.books.lease import Lease, hold
from app.books.room import FULL
from app.errors import ChorusError, Draining, EngineFailure, JobInUse, QueueFull, StorageFailure
from app.pools import BOOK_FILES
from app.settings import Settings
from app.speech.service import SpeechService

logger = logging.getLogger(__name__)

MAX_WORKED_ON = 2
"""Jobs that this server makes at a time."""
LOOK_S = 5.0
"""Between two looks at the jobs of the data folder."""
ELSEWHERE_S = 15.0
"""A job that another server makes is left alone for so long."""


class _Running(msgspec.Struct, eq=False):
    task: asyncio.Task[None]
    maker: JobMaker | None = None
    """None until the lease is held"""
    is_stopping: bool = False
    """True once its task is cancelled: a second time would break off its waiting for threads"""
    counted_s: float = 0.0
    """audio of this run that was told to `on_made`"""

    def cancel(self) -> None:
        if not self.is_stopping:
            self.is_stopping = True
            self.task.cancel()


class JobWorker:
    """Lives on the event loop. `start` it, and close it before the engine.

    on_made   called with further seconds of audio that were made
    """

    def __init__(
        self,
        folders: JobFolders,
        service: SpeechService,
        settings: Settings,
        recognizer: Recognizer | None,
        *,
        on_made: Callable[[float], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._folders = folders
        self._service = service
        self._settings = settings
        self._recognizer = recognizer
        self._on_made = on_made
        self._clock = clock
        self._found: dict[str, Found] = {}
        self._unreadable: dict[str, str] = {}
        self._running: dict[str, _Running] = {}
        self._busy_until_s: dict[str, float] = {}
        self._faults: dict[str, int | None] = {}
        """by id: error number of the last try to begin, where the folder could not be written"""
        self._statuses: dict[str, JobStatus] = {}
        self._kicked = asyncio.Event()
        self._looking: asyncio.Task[None] | None = None
        self.changed = asyncio.Event()
        """pulsed (set, then cleared) at each change of a job"""

    def start(self) -> None:
        self._looking = asyncio.get_running_loop().create_task(self._look_regularly())

    async def aclose(self) -> None:
        """Stop all work; the next start goes on. May be called without `start`."""
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.wait((self._looking,))
        for id in [*self._running]:
            await self.stop(id)

    @property
    def num_by_status(self) -> Counter[JobStatus]:
        """Jobs of all callers, as of the last look."""
        return Counter(self._statuses.values())

    def state(self, id: str) -> JobState | None:
        """None for a job that is not made here."""
        running = self._running.get(id)
        return None if running is None or running.maker is None else running.maker.state

    def lacks_room(self, id: str) -> bool:
        """True for a job that this server cannot begin because the disk is full."""
        return self._faults.get(id) in FULL

    def look_soon(self) -> None:
        self._kicked.set()
        self._pulse()

    async def stop(self, id: str) -> None:
        """Stop this server's work on a job and wait for its end."""
        if id in self._running:
            self._running[id].cancel()
            await self.until_ended(id)

    async def until_ended(self, id: str) -> None:
        """Wait until this server does not work on a job any more."""
        if id in self._running:
            await asyncio.wait((self._running[id].task,))

    async def find(self) -> dict[str, Found]:
        """The jobs of the data folder by their ids; those that cannot be read are left out. Raises OSError."""
        self._found = found = await BOOK_FILES.run(find_jobs, self._folders, self._found, self._unreadable)
        self._statuses = {id: each.status for id, each in found.items()}
        for id in self._statuses.keys() & self._running.keys():
            self._count(id)
        return found

    async def _look_regularly(self) -> None:
        cleaned_at_s = float("-inf")
        while True:
            if self._clock() - cleaned_at_s > MAX_NEW_AGE_S:
                cleaned_at_s = self._clock()
                await BOOK_FILES.run(self._folders.clean)
            self._kicked.clear()
            try:
                self._begin_what_is_wanted(await self.find())
            except OSError as error:
                logger.warning("the jobs cannot be read: %s", error)
            except Exception as error:  # the boundary of the loop: other jobs go on
                logger.error("the jobs cannot be looked through", exc_info=error)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_S):
                    await self._kicked.wait()

    def _begin_what_is_wanted(self, found: dict[str, Found]) -> None:
        """Start jobs that wait, stop those that are not wanted any more, remove deleted ones."""
        for id, running in self._running.items():
            if running.maker is not None and (id not in found or found[id].intent is not Intent.RUN):
                running.cancel()
        idle = {id: each for id, each in found.items() if id not in self._running and not self._is_elsewhere(id)}
        owners = Counter(found[id].request.owner for id in self._running if id in found)
        num_free = MAX_WORKED_ON - len(self._running)
        for id in in_turn([each.request for each in idle.values() if each.intent is Intent.RUN], owners, num_free):
            self._begin(id)
        for id, each in idle.items():
            if each.intent is Intent.DELETE:
                self._begin(id)

    def _is_elsewhere(self, id: str) -> bool:
        return self._clock() < self._busy_until_s.get(id, float("-inf"))

    def _begin(self, id: str) -> None:
        running = _Running(asyncio.get_running_loop().create_task(self._run(id)))
        self._running[id] = running
        running.task.add_done_callback(partial(self._has_ended, id))

    def _has_ended(self, id: str, task: asyncio.Task[None]) -> None:
        del self._running[id]
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("job %s: its run broke off", id, exc_info=error)
            self._busy_until_s[id] = self._clock() + ELSEWHERE_S
        self.look_soon()

    async def _run(self, id: str) -> None:
        """Work on a job as its intent says, with its lease."""
        folder = self._folders.folder(id)
        try:
            await hold(folder.path, partial(self._work, id, folder))
        except (JobInUse, Draining, QueueFull) as error:
            logger.debug("job %s: %s", id, error)
            self._busy_until_s[id] = self._clock() + ELSEWHERE_S
        except FileNotFoundError:
            pass  # removed meanwhile
        except OSError as error:
            found = self._found.get(id)
            if error.errno in FULL and found is not None and found.intent is Intent.DELETE:
                await BOOK_FILES.run(folder.remove)  # there is no room for a lease until something is removed
                return
            if self._faults.get(id) != error.errno:
                logger.warning("job %s: its folder cannot be written: %s", id, error)
            self._faults[id] = error.errno
            self._busy_until_s[id] = self._clock() + ELSEWHERE_S

    async def _work(self, id: str, folder: JobFolder, lease: Lease) -> None:
        self._faults.pop(id, None)
        wish, state = await BOOK_FILES.run(folder.read_wish), await BOOK_FILES.run(folder.read_state)
        if wish.intent is Intent.DELETE:
            await BOOK_FILES.run(folder.remove)
        if state.intent(wish) is not Intent.RUN:
            return
        request = await BOOK_FILES.run(folder.read_request)
        maker = JobMaker(
            folder,
            request,
            self._service,
            self._settings,
            self._recognizer,
            lease,
            before=msgspec.structs.replace(state, wish=wish.id),
            on_change=partial(self._has_changed, id),
            clock=self._clock,
        )
        self._running[id].maker = maker
        try:
            await self._make(maker, folder)
        finally:
            with contextlib.suppress(OSError, JobInUse):
                await asyncio.shield(maker.flush())

    async def _make(self, maker: JobMaker, folder: JobFolder) -> None:
        """Raises what is no fault of the job: Draining, QueueFull, JobInUse, and OSError where its end cannot be
        written.
        """
        id = maker.request.id
        try:
            await maker.make()
            logger.info("job %s is finished: %.0f s of audio", id, maker.state.seconds)
        except (asyncio.CancelledError, Draining, QueueFull, JobInUse):
            maker.stop(status=JobStatus.QUEUED)
            raise
        except (ChorusError, OSError) as error:
            if not await BOOK_FILES.run(folder.path.exists):
                raise FileNotFoundError(folder.path) from error
            maker.stop(status=JobStatus.FAILED, error=_error(error, folder))
            logger.warning("job %s has failed: %s", id, error)
        except Exception as error:
            maker.stop(status=JobStatus.FAILED, error=_error(EngineFailure("the server failed on this job"), folder))
            logger.error("job %s has failed", id, exc_info=error)
        await maker.rest()

    def _has_changed(self, id: str) -> None:
        self._count(id)
        self._pulse()

    def _count(self, id: str) -> None:
        running = self._running[id]
        if running.maker is not None:
            state = running.maker.state
            self._statuses[id] = state.status
            self._on_made(max(0.0, state.made_s - running.counted_s))
            running.counted_s = state.made_s

    def _pulse(self) -> None:
        self.changed.set()
        self.changed.clear()


def _error(error: ChorusError | OSError, folder: JobFolder) -> JobError:
    """Without the server's paths."""
    if isinstance(error, OSError):
        message = f"the server's disk fails: {error.strerror}; resume the job when it is repaired"
        return JobError(StorageFailure.code, message)
    return JobError(error.code, error.message.replace(str(folder.path), "the job's folder"))
