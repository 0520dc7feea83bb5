"""When the requests of one measurement arrive: all at the same moment, or at random at a given rate (open loop)."""

import re
from collections.abc import Sequence

import msgspec
import numpy as np

MAX_RATE_PER_S = 1000.0
MAX_ARRIVALS = 100_000
_RATE = re.compile(r"(?P<number>\d{1,6}(?:\.\d{1,6})?)(?:/(?P<unit>[sm]))?", re.ASCII)
_UNIT_S = {"s": 1.0, "m": 60.0}


class Rate(msgspec.Struct, frozen=True):
    name: str
    """as it was given, with its unit: `30/m`"""
    per_s: float


def parse_rates(text: str) -> tuple[Rate, ...]:
    """Read `2/s`, `30/m` or `0.5,1,2/s`: the last unit holds for numbers without one.

    Raises ValueError for anything else, 0, and more than MAX_RATE_PER_S.
    """
    parts = [_RATE.fullmatch(part.strip()) for part in text.split(",")]
    last_unit = parts[-1]["unit"] if parts[-1] else None
    rates: list[Rate] = []
    for part in parts:
        unit = (part["unit"] or last_unit) if part else None
        if part is None or unit is None:
            raise ValueError("give requests each second or minute, such as 2/s, 30/m or 0.5,1,2/s")
        rate = Rate(f"{part['number']}/{unit}", float(part["number"]) / _UNIT_S[unit])
        if not 0 < rate.per_s <= MAX_RATE_PER_S:
            raise ValueError(f"{rate.name} is out of bounds: more than 0 and at most {MAX_RATE_PER_S:g}/s")
        rates.append(rate)
    return tuple(rates)


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """The requests of one measurement."""

    name: str
    arrivals_s: Sequence[float]
    """moments since the start, in ascending order"""
    rate_per_s: float | None = None
    """mean of random arrivals; None where all requests arrive at the start"""


def at_once(streams: int) -> Load:
    return Load(name=str(streams), arrivals_s=[0.0] * streams)


def poisson(rate: Rate, *, duration_s: float, seed: int) -> Load:
    """Arrivals of a Poisson process within `duration_s`: independent gaps, exponentially distributed.

    The same for the same seed. Raises ValueError where MAX_ARRIVALS would be passed on average.
    """
    if rate.per_s * duration_s > MAX_ARRIVALS:
        raise ValueError(f"{rate.name} for {duration_s:g} s is more than {MAX_ARRIVALS} requests")
    random = np.random.default_rng(seed)
    arrivals_s: list[float] = []
    at_s = float(random.exponential(1 / rate.per_s))
    while at_s < duration_s:
        arrivals_s.append(at_s)
        at_s += float(random.exponential(1 / rate.per_s))
    return Load(name=rate.name, arrivals_s=arrivals_s, rate_per_s=rate.per_s)
