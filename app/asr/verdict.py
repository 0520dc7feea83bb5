"""Is known speech as its text says? Thresholds, chosen on data, and the verdict. Pure functions."""

from collections.abc import Iterator, Sequence
from typing import Literal

import msgspec

from app.asr.alignment import MIN_INSERTED_GAIN, AlignedWord, Alignment, Edit

FaultKind = Literal["missing", "repeated", "swapped", "inserted", "extra_sound", "silence", "cut_off", "wrong_length"]
Outcome = Literal["passed", "failed", "inconclusive"]
_FROM_WORST: tuple[Outcome, ...] = ("failed", "inconclusive")


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """Something that is heard and not written, or written and not heard. Seconds from the start of the speech."""

    kind: FaultKind
    start_s: float
    end_s: float
    text: str = ""
    """the words that it concerns; of `inserted`, those that are heard"""

    def moved(self, by_s: float) -> "Fault":
        """The same fault in a recording with `by_s` seconds before it."""
        start_s, end_s = round(by_s + self.start_s, 3), round(by_s + self.end_s, 3)
        return msgspec.structs.replace(self, start_s=start_s, end_s=end_s)

    @property
    def description(self) -> str:
        """For people, such as `"not" is missing`."""
        words = f'"{self.text}"'
        match self.kind:
            case "missing":
                return f"{words} is missing"
            case "repeated":
                return f"{words} is said twice"
            case "swapped":
                return f"{words} is said in another order"
            case "inserted":
                return f"{words} is said and not written"
            case "extra_sound":
                return f"{self.end_s - self.start_s:.1f} s of other sound"
            case "silence":
                return f"{self.end_s - self.start_s:.1f} s of silence"
            case "cut_off":
                return f"{words} is cut off"
            case "wrong_length":
                return "it is much too fast or too slow"


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    outcome: Outcome
    faults: tuple[Fault, ...] = ()
    reason: str = ""
    """of an inconclusive verdict: one sentence"""


class ErrorRates(msgspec.Struct, frozen=True, kw_only=True):
    """Counted by `python -m tests.bench.checking`, with the embedded English voice."""

    num_clean: int
    num_false_alarms: int
    """of the clean segments"""
    num_damaged: int
    num_found: int
    """of the damaged segments"""


class Thresholds(msgspec.Struct, frozen=True, kw_only=True):
    """Limits of a verdict, for one model."""

    rates: ErrorRates | None = None
    """None for thresholds that were not measured with the model"""

    min_gain: float = 0.0
    """of an edit's likelihood, as a logarithm"""
    min_end_gain: float = 3.0
    """where the last words are missing: the model does not say how likely the end of a text is"""
    min_inserted_gain: float = MIN_INSERTED_GAIN
    """where more words are said"""
    max_tail_s: float = 0.3
    """seconds of sound behind the last word"""
    max_stray_s: float = 0.35
    """seconds of sound elsewhere that belong to no word"""
    max_silence_s: float = 1.2
    min_letter_s: float = 0.015
    max_letter_s: float = 0.2
    """seconds of sound for each letter"""
    unlikely: float = 0.05
    max_unlikely_share: float = 0.6
    """of words below `unlikely`: above it text and speech have too little in common"""
    min_likeness: float = 0.4
    """of text and transcript: the same below it"""
    same_likeness: float = 0.9
    """from it on the transcript is the text, however unlikely its words: `21` for `Twenty-one.`"""
    likely: float = 0.5
    max_likely_share: float = 0.6
    """of words above `likely`: where more are heard, the transcript is in another script"""


BASE = Thresholds(rates=ErrorRates(num_clean=268, num_false_alarms=0, num_damaged=345, num_found=334))
MEASURED = {"whisper-base": BASE}
"""By `RecognizerInfo.model`."""


def thresholds_for(model: str) -> Thresholds:
    """Those that were chosen for a model, or those of Whisper base without its error rates."""
    return MEASURED.get(model) or msgspec.structs.replace(BASE, rates=None)


def judge(alignment: Alignment | None, thresholds: Thresholds = BASE) -> Verdict:
    if alignment is None:
        return Verdict(outcome="inconclusive", reason="it has no words, or too many for one piece of speech")
    words = alignment.words
    if _is_of_something_else(alignment, thresholds):
        return Verdict(outcome="inconclusive", reason="the speech has too little in common with the text")
    faults = tuple(sorted(_faults(alignment, thresholds), key=lambda fault: fault.start_s))
    if faults and alignment.is_misplaced and all(_follows_from_times(fault, words) for fault in faults):
        return Verdict(outcome="inconclusive", reason="the times of its words are uncertain: the text repeats itself")
    if faults:
        return Verdict(outcome="failed", faults=faults)
    return Verdict(outcome="passed")


def _faults(alignment: Alignment, thresholds: Thresholds) -> Iterator[Fault]:
    words = alignment.words
    for edit in alignment.edits:
        if edit.gain > _least_gain(edit, len(words), thresholds):
            yield _fault(edit, words)
    tail_s = 0.0
    for sound in alignment.sounds:
        is_behind = sound.start_s >= words[-1].start_s
        tail_s = sound.duration_s if is_behind else tail_s
        if sound.duration_s > (thresholds.max_tail_s if is_behind else thresholds.max_stray_s):
            yield Fault(kind="extra_sound", start_s=sound.start_s, end_s=sound.end_s)
    silence = alignment.silence
    if silence is not None and silence.duration_s > thresholds.max_silence_s:
        yield Fault(kind="silence", start_s=silence.start_s, end_s=silence.end_s)
    if alignment.is_cut_off and tail_s <= thresholds.max_tail_s:
        yield Fault(kind="cut_off", start_s=words[-1].start_s, end_s=words[-1].end_s, text=words[-1].text)
    if not thresholds.min_letter_s <= alignment.letter_s <= thresholds.max_letter_s:
        yield Fault(kind="wrong_length", start_s=words[0].start_s, end_s=words[-1].end_s)


def _is_of_something_else(alignment: Alignment, thresholds: Thresholds) -> bool:
    probabilities = [word.probability for word in alignment.words]
    num_unlikely = sum(probability < thresholds.unlikely for probability in probabilities)
    if num_unlikely > thresholds.max_unlikely_share * len(probabilities):
        return alignment.likeness < thresholds.same_likeness
    num_likely = sum(probability > thresholds.likely for probability in probabilities)
    return alignment.likeness < thresholds.min_likeness and num_likely <= thresholds.max_likely_share * len(
        probabilities
    )


def _follows_from_times(fault: Fault, words: Sequence[AlignedWord]) -> bool:
    """False for sound behind the last word, which no other word can have."""
    return fault.kind == "repeated" or (fault.kind == "extra_sound" and fault.start_s < words[-1].start_s)


def _least_gain(edit: Edit, num_words: int, thresholds: Thresholds) -> float:
    if edit.kind == "inserted":
        return thresholds.min_inserted_gain
    is_end = edit.kind == "missing" and edit.last == num_words - 1 and not edit.is_confirmed
    return thresholds.min_end_gain if is_end else thresholds.min_gain


def _fault(edit: Edit, words: Sequence[AlignedWord]) -> Fault:
    concerned = words[edit.first : edit.last + 1]
    text = edit.said or " ".join(word.text for word in concerned)
    if concerned:
        return Fault(kind=edit.kind, start_s=concerned[0].start_s, end_s=concerned[-1].end_s, text=text)
    end_s = words[edit.first].start_s
    start_s = words[edit.first - 1].start_s if edit.first else 0.0
    return Fault(kind=edit.kind, start_s=start_s, end_s=end_s, text=text)


def overall(outcomes: Sequence[Outcome]) -> Outcome:
    """`failed` if one of them is, else `inconclusive` if one is."""
    for worst in _FROM_WORST:
        if worst in outcomes:
            return worst
    return "passed"
