"""Findings about a stored segment: doubts of its engine, and the result of comparing it with its text."""

import msgspec

from app.asr.verdict import Fault, Outcome


class SegmentCheck(msgspec.Struct, frozen=True, kw_only=True):
    """A comparison by a recogniser. Times in seconds from the segment's start."""

    model: str
    """of the recogniser"""
    outcome: Outcome
    reason: str = ""
    """of an inconclusive outcome"""
    was_compared: bool = True
    """False, with an inconclusive outcome: the recogniser was busy or failed, so a later run compares the segment"""
    faults: tuple[Fault, ...] = ()
    num_retries: int = 0
    """other readings that were tried; the last one is stored where it passed, else the first reading"""


class Notes(msgspec.Struct, frozen=True, kw_only=True):
    warnings: tuple[str, ...] = ()
    """of the engine: no sound came, or the segment was cut"""
    check: SegmentCheck | None = None
    """None: not compared"""

    @property
    def doubts(self) -> list[str]:
        """Sentences about what may be wrong with the segment."""
        doubts = list(self.warnings)
        if self.check is not None and self.check.outcome == "inconclusive":
            doubts.append(f"not compared with its text: {self.check.reason}")
        elif self.check is not None:
            doubts += [_shown(fault) for fault in self.check.faults]
        return doubts


NO_NOTES = Notes()


def _shown(fault: Fault) -> str:
    where = f"{fault.kind.replace('_', ' ')} at {fault.start_s:.2f} s"
    return f"{where}: {fault.text}" if fault.text else where
