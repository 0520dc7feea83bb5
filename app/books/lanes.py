"""Work on several parts of a file at a time, whose results are taken in the order of the parts.

Each part has a lane: a bounded queue between the thread that makes the part and the one that takes it.
"""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice
from threading import Condition
from typing import Generic, TypeVar

from app.pools import yield_to_speech

A = TypeVar("A")
T = TypeVar("T")
NUM_LANES_AHEAD = 2
"""Parts beyond one for each thread: a thread goes on while an earlier part is taken."""


class LaneClosed(Exception):
    """Raised in the thread that makes a part when its lane was closed."""


class Lane(Generic[T]):
    """Holds results of `max_size` in all, at least one. One thread puts, another one iterates."""

    def __init__(self, max_size: int, size_of: Callable[[T], int]) -> None:
        self._max_size = max_size
        self._size_of = size_of
        self._size = 0
        self._waiting: deque[T] = deque()
        self._changed = Condition()
        self._has_ended = self._is_closed = False
        self._error: BaseException | None = None

    def put(self, result: T) -> None:
        """Wait for room. Raises LaneClosed."""
        size = self._size_of(result)
        with self._changed:
            self._changed.wait_for(lambda: not self._waiting or self._size + size <= self._max_size or self._is_closed)
            if self._is_closed:
                raise LaneClosed
            self._waiting.append(result)
            self._size += size
            self._changed.notify_all()

    def run(self, make: Callable[[Callable[[T], None]], None]) -> None:
        """Call `make` with `put`. The iteration ends behind its last result, and raises its error there."""
        try:
            if not self._is_closed:
                make(self.put)
        except BaseException as error:  # noqa: BLE001 - passed to the thread that iterates
            self._error = error
        finally:
            with self._changed:
                self._has_ended = True
                self._changed.notify_all()

    def close(self) -> None:
        """End the work soon: the next `put` raises."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()

    def __iter__(self) -> Iterator[T]:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._has_ended)
                if not self._waiting:
                    break
                result = self._waiting.popleft()
                self._size -= self._size_of(result)
                self._changed.notify_all()
            yield result
        if self._error is not None:
            raise self._error


@contextmanager
def in_order(
    make: Callable[[A, Callable[[T], None]], None],
    parts: Iterable[A],
    *,
    num_threads: int,
    max_size: int,
    size_of: Callable[[T], int] = lambda result: 1,
) -> Generator[Iterator[tuple[A, Lane[T]]]]:
    """Each part with its lane, in order; `make(part, put)` runs for `num_threads` parts at a time.

    parts      taken one by one, as lanes become free
    max_size   of the results of one part that wait, at least one; then its thread waits
    size_of    a result; without it results are counted

    Leaving the context closes all lanes and waits for their threads.
    """
    lanes: deque[tuple[A, Lane[T]]] = deque()
    left = iter(parts)

    def take() -> Iterator[tuple[A, Lane[T]]]:
        start(num_threads + NUM_LANES_AHEAD)
        while lanes:
            yield lanes[0]
            lanes.popleft()
            start(1)

    def start(count: int) -> None:
        for part in islice(left, count):
            lane = Lane(max_size, size_of)
            lanes.append((part, lane))
            threads.submit(lane.run, lambda put, part=part: make(part, put))

    with ThreadPoolExecutor(num_threads, thread_name_prefix="book-parts", initializer=yield_to_speech) as threads:
        try:
            yield take()
        finally:
            for _, lane in lanes:
                lane.close()
