from app.audio.reference import ReferenceClip, decode_clip
from app.audio.reference_check import Verdict, find_faults, measure_reference, verdict_of
from app.http.wire.multipart import Recording
from app.http.wire.schemas import CheckedRecording, RecordingsCheck
from app.isolation.child import Child


def check_recordings(child: Child, recordings: list[Recording], max_s: float) -> RecordingsCheck:
    """Also measures recordings that a clone would refuse. Blocking. Raises UnreadableAudio, naming the recording."""
    checked = [_check(each.name, decode_clip(child, each.file, name=each.name, max_s=max_s)) for each in recordings]
    return RecordingsCheck(recordings=checked, verdict=max((each.verdict for each in checked), key=list(Verdict).index))


def _check(name: str, clip: ReferenceClip) -> CheckedRecording:
    quality = measure_reference(clip.samples, clip.sample_rate_hz)
    faults = find_faults(quality)
    advice = [f"It {fault.says}." for fault in faults]
    if clip.is_cut:
        advice.append(f"Of it the first {quality.seconds:g} s are used.")
    return CheckedRecording(
        name=name,
        seconds=round(quality.seconds, 3),
        sample_rate_hz=quality.sample_rate_hz,
        level_dbfs=_rounded(quality.level_dbfs),
        clipped_share=round(quality.clipped_share, 4),
        noise_dbfs=_rounded(quality.noise_dbfs),
        snr_db=_rounded(quality.snr_db),
        verdict=verdict_of(faults),
        advice=advice,
    )


def _rounded(decibels: float | None) -> float | None:
    return None if decibels is None else round(decibels, 1)
