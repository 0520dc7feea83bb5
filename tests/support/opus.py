"""Opus in WebM and Ogg, as a browser's MediaRecorder sends it while it records."""

import io
from typing import Literal

import av
import numpy as np
from numpy.typing import NDArray

Container = Literal["webm", "matroska", "ogg"]
_OPTIONS: dict[Container, dict[str, str]] = {
    # MediaRecorder cannot go back to write lengths, so clusters and the file have none.
    "webm": {"live": "1", "cluster_time_limit": "100"},
    "matroska": {"live": "1"},
    "ogg": {"page_duration": "20000"},
}


class _Pipe(io.BytesIO):
    def seekable(self) -> bool:
        return False


def recorded(samples: NDArray[np.float32], rate_hz: int, container: Container, codec: str = "libopus") -> bytes:
    """[samples] mono as a recording of `codec`: Opus where the container is not Matroska. Rates: 16, 24 and 48 kHz."""
    file = _Pipe()
    with av.open(file, "w", format=container, options=_OPTIONS[container]) as written:
        stream = written.add_stream(codec, rate=rate_hz, layout="mono")  # type: ignore[call-overload]
        frame = av.AudioFrame.from_ndarray(samples[np.newaxis].astype(np.float32), format="flt", layout="mono")
        frame.sample_rate = rate_hz
        resampled = av.AudioResampler(stream.format.name, "mono", rate_hz, stream.codec_context.frame_size)
        for part in (*resampled.resample(frame), *resampled.resample(None)):
            written.mux(stream.encode(part))
        written.mux(stream.encode(None))
    return file.getvalue()
