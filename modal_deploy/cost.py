"""Cost of speech and of transcripts on Modal, by real-time factor and by load of the containers.

    seconds of audio   = characters / 15               English, read at the usual pace
    seconds of machine = seconds of audio x real-time factor / utilisation
    dollars            = seconds of machine x (GPU + cores + memory)

The real-time factor is machine time for a second of audio with all callers together: 1 / (audio s/s of `::load`).
Utilisation is the share of a container's paid time in which it works. A container that does both at a time pays once.
"""

from collections.abc import Callable

import msgspec

CHARS_PER_S = 15.0
GPU_PER_S = {"T4": 0.000164, "L4": 0.000222, "A10": 0.000306, "A10G": 0.000306, "L40S": 0.000542, "A100": 0.000583}
CORE_PER_S = 0.0000131
GIB_PER_S = 0.00000222
HOURS_PER_MONTH = 730
FACTORS = (0.05, 0.1, 0.2, 0.3)
UTILISATIONS = (0.2, 0.5, 0.8)


class Rate(msgspec.Struct, frozen=True, kw_only=True):
    gpu: str
    cores: float
    memory_gib: float

    @property
    def per_s(self) -> float:
        """Dollars. Raises KeyError for a GPU whose price is not known here."""
        return GPU_PER_S[self.gpu] + self.cores * CORE_PER_S + self.memory_gib * GIB_PER_S

    @property
    def per_month(self) -> float:
        """Dollars for one container kept warm."""
        return self.per_s * 3600 * HOURS_PER_MONTH

    def per_million_chars(self, real_time_factor: float, utilisation: float) -> float:
        """Dollars."""
        return 1e6 / CHARS_PER_S * real_time_factor / utilisation * self.per_s

    def per_hour_transcribed(self, real_time_factor: float, utilisation: float) -> float:
        """Dollars."""
        return 3600 * real_time_factor / utilisation * self.per_s


def cost_table(per_unit: Callable[[float, float], float], factors: tuple[float, ...] = FACTORS) -> list[list[str]]:
    """Rows of cells: a factor, and `per_unit` of it at each utilisation."""
    rows = [["real-time factor", *(f"{utilisation:.0%} busy" for utilisation in UTILISATIONS)]]
    for factor in factors:
        costs = (per_unit(factor, busy) for busy in UTILISATIONS)
        rows.append([f"{factor:g}", *(f"${cost:.2f}" for cost in costs)])
    return rows
