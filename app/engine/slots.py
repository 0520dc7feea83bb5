"""Counts of the slots in which segments are decoded."""


class Slots:
    """has_background_slots   background segments have `max_slots` slots of their own, with threads of a lower priority;
    False: they run in the slots of all, of which they leave `num_kept`, or one, to callers
    """

    def __init__(self, max_slots: int, *, num_kept: int, has_background_slots: bool) -> None:
        assert num_kept < max_slots, "nothing but first sequences could ever start"
        self.max_slots = max_slots
        self.num_kept = num_kept
        """for requests that have not started"""
        self._has_background_slots = has_background_slots
        self._num_callers = self.num_background = 0

    @property
    def num_busy(self) -> int:
        """Those of background segments included."""
        return self._num_callers + self.num_background

    @property
    def num_busy_of_callers(self) -> int:
        """Slots that a request of a caller finds taken."""
        return self._num_callers if self._has_background_slots else self.num_busy

    def count(self, change: int, *, is_background: bool) -> None:
        if is_background:
            self.num_background += change
        else:
            self._num_callers += change

    def clear(self) -> None:
        self._num_callers = self.num_background = 0

    def has_background_room(self) -> bool:
        if self._has_background_slots:
            return self.num_background < self.max_slots
        return self.max_slots - self.num_busy > max(self.num_kept, min(1, self.max_slots - 1))


def kept_slots(max_slots: int) -> int:
    """An eighth of the slots, at least one; none of a single slot."""
    return 0 if max_slots < 2 else max(1, max_slots // 8)
