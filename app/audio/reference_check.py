"""Fitness of a decoded recording for cloning a voice: measurements, faults and a verdict.

A refusal and a verdict read from the same faults, so a recording that is called usable is never refused.
"""

import math
from enum import StrEnum

import msgspec
import numpy as np
from numpy.typing import NDArray

from app.audio.loudness import SILENCE_DBFS, frame_powers, speech_level_dbfs
from app.audio.pcm import amplitude_to_dbfs, dbfs_to_amplitude
from app.errors import UnusableReference

MIN_RATE_HZ = 8_000
MAX_RATE_HZ = 48_000
"""Recordings above this rate are resampled to it; voice models use nothing above."""
MIN_REFERENCE_S, GOOD_REFERENCE_S = 2.0, 6.0
MIN_LEVEL_DBFS, GOOD_LEVEL_DBFS = -50.0, -40.0
FULL_SCALE = 0.98
"""A sample this large is at full scale: 8-bit and mu-law recordings end below 1.0."""
MIN_CLIPPED_RUN = 3
"""One sample at full scale is a peak; three in a row are a peak that was cut off."""
MAX_CLIPPED_SHARE, GOOD_CLIPPED_SHARE = 0.01, 0.001
GOOD_SNR_DB = 20.0

NOISE_QUANTILE = 0.05
"""Share of frames that are taken to be pauses. More would reach into soft consonants of speech without a pause."""
MIN_NOISE_DBFS = -100.0
"""Stands for everything below, digital silence too: 16 bits cannot hold less than -98 dBFS of noise."""


class ReferenceQuality(msgspec.Struct, frozen=True, kw_only=True):
    """level_dbfs     active speech level; None for silence
    clipped_share  share of samples that are cut off at full scale, 0 to 1
    noise_dbfs     level of the pauses, at least -100; None where there is no pause to measure it in
    snr_db         speech above noise; None where either is
    """

    seconds: float
    sample_rate_hz: int
    level_dbfs: float | None
    clipped_share: float
    noise_dbfs: float | None
    snr_db: float | None


class Verdict(StrEnum):
    """`unusable` is refused; `usable` is taken, and another recording would sound better."""

    GOOD = "good"
    USABLE = "usable"
    UNUSABLE = "unusable"


class Fault(msgspec.Struct, frozen=True):
    """A fault of a recording and its remedy: a sentence that lacks its subject and its full stop."""

    says: str
    is_fatal: bool


def measure_reference(samples: NDArray[np.float32], sample_rate_hz: int) -> ReferenceQuality:
    """`samples` are finite."""
    level_dbfs = speech_level_dbfs(samples, sample_rate_hz)
    noise_dbfs = snr_db = None
    if level_dbfs != -math.inf and (measured := _measure_noise(samples, sample_rate_hz, level_dbfs)):
        noise_dbfs, snr_db = measured
    return ReferenceQuality(
        seconds=len(samples) / sample_rate_hz,
        sample_rate_hz=sample_rate_hz,
        level_dbfs=None if level_dbfs == -math.inf else level_dbfs,
        clipped_share=clipped_share(samples),
        noise_dbfs=noise_dbfs,
        snr_db=snr_db,
    )


def find_faults(quality: ReferenceQuality) -> list[Fault]:
    """Those for which a recording is refused come first."""
    found = (_rate_fault(quality), _length_fault(quality), _level_fault(quality), _clipping_fault(quality))
    faults = [fault for fault in (*found, _noise_fault(quality)) if fault is not None]
    return sorted(faults, key=lambda fault: not fault.is_fatal)


def verdict_of(faults: list[Fault]) -> Verdict:
    if any(fault.is_fatal for fault in faults):
        return Verdict.UNUSABLE
    return Verdict.USABLE if faults else Verdict.GOOD


def check_reference(samples: NDArray[np.float32], sample_rate_hz: int, name: str) -> None:
    """Raises UnusableReference for the first fault that a voice cannot be cloned with."""
    for fault in find_faults(measure_reference(samples, sample_rate_hz)):
        if fault.is_fatal:
            raise UnusableReference(f"{name} {fault.says}", param="reference_audio")


def clipped_share(samples: NDArray[np.float32]) -> float:
    """Share of samples in runs of at least three at full scale, 0 to 1."""
    is_full = np.concatenate(([False], np.abs(samples) >= FULL_SCALE, [False]))
    edges = np.flatnonzero(is_full[1:] != is_full[:-1])
    run_lengths = edges[1::2] - edges[::2]
    return int(run_lengths[run_lengths >= MIN_CLIPPED_RUN].sum()) / max(1, len(samples))


def _measure_noise(samples: NDArray[np.float32], sample_rate_hz: int, level_dbfs: float) -> tuple[float, float] | None:
    """Level of the noise, and speech above it in dB, by a low quantile of the power of frames.

    After Stahl, Fischer and Bippus, "Quantile based noise estimation for spectral subtraction and Wiener filtering"
    (ICASSP 2000): speech does not fill every moment. One level needs the whole frame, not each band of frequencies.

    None where the quietest frames are as loud as speech: no pauses, or noise that drowns it.
    """
    noise_power = float(np.quantile(frame_powers(samples, sample_rate_hz), NOISE_QUANTILE))
    noise_power = max(noise_power, dbfs_to_amplitude(MIN_NOISE_DBFS) ** 2)
    speech_power = dbfs_to_amplitude(level_dbfs) ** 2 - noise_power  # a frame of speech holds noise too
    if speech_power < noise_power:
        return None
    return amplitude_to_dbfs(math.sqrt(noise_power)), 10 * math.log10(speech_power / noise_power)


def _rate_fault(quality: ReferenceQuality) -> Fault | None:
    if quality.sample_rate_hz >= MIN_RATE_HZ:
        return None
    return Fault(f"has a sample rate of {quality.sample_rate_hz} Hz; at least {MIN_RATE_HZ} Hz are needed", True)


def _length_fault(quality: ReferenceQuality) -> Fault | None:
    if quality.seconds >= GOOD_REFERENCE_S:
        return None
    length = f"is {int(quality.seconds * 10) / 10} s long"  # rounded down, so that 1.99 s is not refused as 2.0 s
    if quality.seconds < MIN_REFERENCE_S:
        return Fault(
            f"{length}; at least {MIN_REFERENCE_S:g} s of speech are needed, and 10 s sound better", is_fatal=True
        )
    return Fault(f"{length}; 10 s of speech sound better", is_fatal=False)


def _level_fault(quality: ReferenceQuality) -> Fault | None:
    level_dbfs = quality.level_dbfs
    if level_dbfs is not None and level_dbfs >= GOOD_LEVEL_DBFS:
        return None
    measured = f"below {SILENCE_DBFS:.0f} dBFS" if level_dbfs is None else f"{math.floor(level_dbfs)} dBFS"
    if level_dbfs is None or level_dbfs < MIN_LEVEL_DBFS:
        return Fault(
            f"is silent: its level is {measured}, at least {MIN_LEVEL_DBFS:.0f} dBFS are needed; record it louder",
            is_fatal=True,
        )
    return Fault(
        f"is quiet: its level is {measured}, {GOOD_LEVEL_DBFS:.0f} dBFS and more are good; record it louder",
        is_fatal=False,
    )


def _clipping_fault(quality: ReferenceQuality) -> Fault | None:
    share = quality.clipped_share
    if share <= GOOD_CLIPPED_SHARE:
        return None
    is_fatal = share > MAX_CLIPPED_SHARE
    measured = f"{share:.0%}" if is_fatal else f"{share:.1%}"
    return Fault(
        f"is clipped: {measured} of its samples are cut off at full scale; record it more quietly", is_fatal=is_fatal
    )


def _noise_fault(quality: ReferenceQuality) -> Fault | None:
    if quality.level_dbfs is None or (quality.snr_db is not None and quality.snr_db >= GOOD_SNR_DB):
        return None
    what_to_do = "record it in a quiet room, close to the microphone"
    if quality.snr_db is None:
        return Fault(
            "has no pauses in which its noise could be measured, or its noise is as loud as the speech; "
            f"{what_to_do}, and pause between sentences",
            is_fatal=False,
        )
    return Fault(
        f"is noisy: its speech is {math.floor(quality.snr_db)} dB above the noise, {GOOD_SNR_DB:.0f} dB and more are "
        f"good; {what_to_do}",
        is_fatal=False,
    )
