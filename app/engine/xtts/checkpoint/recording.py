"""The recording beside a model as its first voice.

Training tools leave a recording of the trained speaker, and seldom a file of speakers.
"""

import logging
from pathlib import Path

import msgspec

from app.audio.recording import decode_recording
from app.audio.reference import ReferenceClip
from app.audio.reference_check import check_reference
from app.engine.xtts.checkpoint.files import find_recordings
from app.errors import UnreadableAudio, UnusableReference

logger = logging.getLogger(__name__)

SPEAKER = "reference"
"""Id and name of the voice."""


class Recording(msgspec.Struct, frozen=True):
    path: Path
    clip: ReferenceClip


def read_recording(folder: Path, *, max_s: float) -> Recording | None:
    """The first recording in a folder that a voice can be cloned from, decoded up to `max_s` seconds; None without one.

    The log names each file that was skipped and why. The files are the operator's own, so they are decoded in this
    process.
    """
    for path in find_recordings(folder):
        try:
            with path.open("rb") as file:
                decoded = decode_recording(file, name=path.name, max_s=max_s)
            check_reference(decoded.samples, decoded.sample_rate_hz, path.name)
        except (UnreadableAudio, UnusableReference, OSError) as error:
            logger.warning("%s is not offered as a voice: %s", path, error)
        else:
            clip = ReferenceClip(
                samples=decoded.samples, sample_rate_hz=decoded.sample_rate_hz, sha256="", is_cut=decoded.is_cut
            )
            return Recording(path, clip)
    return None
