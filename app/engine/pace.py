"""The measured pace of a worker, from which waiting times follow."""


class Pace:
    """Seconds of estimated audio that a slot decodes in a second; recent sequences count most.

    Written on the scheduler's thread, read on any.
    """

    MEMORY = 0.9
    """weight of earlier sequences beside the newest"""

    def __init__(self) -> None:
        self._audio_s = self._wall_s = 0.0

    def measured(self, audio_s: float, wall_s: float) -> None:
        self._audio_s = self.MEMORY * self._audio_s + audio_s
        self._wall_s = self.MEMORY * self._wall_s + wall_s

    @property
    def audio_per_s(self) -> float:
        """1 until something was measured."""
        return self._audio_s / self._wall_s if self._audio_s and self._wall_s else 1.0
