"""The order of windows: which of them share the model's next turn.

Round robin over requests: an hour of speech holds a sentence up for one turn only. Knows integers and keys; knows
neither tensors nor threads.
"""

from collections import OrderedDict, deque
from collections.abc import Hashable
from typing import Generic, Protocol, TypeVar


class Queued(Protocol):
    @property
    def owner(self) -> Hashable:
        """The request of the window."""
        ...

    @property
    def batch_key(self) -> Hashable:
        """Windows with equal keys can be decoded together."""
        ...


W = TypeVar("W", bound=Queued)


class WindowQueue(Generic[W]):
    """`max_batch` windows share a turn, at most `max_per_owner` of them of one request."""

    def __init__(self, *, max_batch: int, max_per_owner: int) -> None:
        self._max_batch = max_batch
        self._max_per_owner = max_per_owner
        self._waiting: OrderedDict[Hashable, deque[W]] = OrderedDict()

    def __len__(self) -> int:
        return sum(len(windows) for windows in self._waiting.values())

    def add(self, window: W) -> None:
        """Behind the waiting windows of its request."""
        self._waiting.setdefault(window.owner, deque()).append(window)

    def put_back(self, window: W) -> None:
        """In front of the waiting windows of its request, which keeps its turn."""
        self._waiting.setdefault(window.owner, deque()).appendleft(window)

    def drop(self, owner: Hashable) -> None:
        self._waiting.pop(owner, None)

    def take(self) -> list[W]:
        """The windows of the next turn; empty where none waits.

        The request that has waited longest decides the key. The others join with the windows at their front that
        have this key: first one each, then a second one each.
        """
        batch: list[W] = []
        key: Hashable = None
        for _ in range(self._max_per_owner):
            for windows in self._waiting.values():
                if len(batch) == self._max_batch:
                    break
                if windows and (not batch or windows[0].batch_key == key):
                    key = windows[0].batch_key
                    batch.append(windows.popleft())
        for owner in dict.fromkeys(window.owner for window in batch):
            if self._waiting[owner]:
                self._waiting.move_to_end(owner)
            else:
                del self._waiting[owner]
        return batch
