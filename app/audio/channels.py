"""Many channels to one: their average, or the loudest one where averaging would lose the voice.

The average lowers the noise. It fails where the voice is in one channel of many (the centre of a film clip, one input
of an audio interface) and where channels cancel (a cable with swapped wires).
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

MAX_LOSS_DB = 6.0
"""The loudest channel is taken where the average is further below it. A voice in one channel of two is at -6.02 dB."""


class Downmix:
    """Pieces of a recording to mono, one after the other; measures whether the average was right.

    `channels`: number of channels -> the one to take; without an entry the average.
    """

    def __init__(self, channels: Mapping[int, int] | None = None) -> None:
        self._channels = channels or {}
        self._powers: dict[int, NDArray[np.float64]] = {}
        """number of channels -> energy of each channel, and at the end of their average"""

    def __call__(self, piece: NDArray[np.float32], ignored: Sequence[int] = ()) -> NDArray[np.float32]:
        """[samples, channels] to [samples]. `ignored` channels, for low-frequency effects, are left out."""
        num_channels = piece.shape[1]
        if num_channels == 1:
            return piece[:, 0]
        if num_channels in self._channels:
            return piece[:, self._channels[num_channels]]
        kept = [index for index in range(num_channels) if index not in ignored] or list(range(num_channels))
        mono = piece[:, kept].mean(axis=1, dtype=np.float32)
        if num_channels not in self._powers:
            self._powers[num_channels] = np.zeros(num_channels + 1)
        powers = self._powers[num_channels]
        powers[kept] += _energy(piece[:, kept])
        powers[-1] += _energy(mono)
        return mono

    def better_channels(self) -> dict[int, int]:
        """Number of channels -> index of the loudest one, for the kinds whose average is over MAX_LOSS_DB below it."""
        return {
            num_channels: int(powers[:-1].argmax())
            for num_channels, powers in self._powers.items()
            if powers[-1] < powers[:-1].max() * 10 ** (-MAX_LOSS_DB / 10)
        }


def _energy(piece: NDArray[np.float32]) -> NDArray[np.float64]:
    """Sum of squares of each column, [channels], without its mean: a constant offset is no sound."""
    return np.square(piece - piece.mean(axis=0), dtype=np.float64).sum(axis=0)
