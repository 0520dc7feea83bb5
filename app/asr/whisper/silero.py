"""Silero's detector of speech, which faster-whisper brings as an ONNX file, on a stream.

faster-whisper runs it over whole recordings; here its state stays from one piece to the next.
"""

from typing import Any

import numpy as np
from faster_whisper.vad import get_vad_model
from numpy.typing import NDArray

CONTEXT = 64
"""Samples before a frame that the model reads again."""
STATE_SHAPE = (1, 1, 128)


class SileroDetector:
    """A VoiceDetector. The model is loaded once for all streams; its calls may come from any thread."""

    def __init__(self) -> None:
        self._session: Any = get_vad_model().session  # Any: onnxruntime leaves its values unknown
        self._hidden = np.zeros(STATE_SHAPE, np.float32)
        self._cell = np.zeros(STATE_SHAPE, np.float32)
        self._context = np.zeros(CONTEXT, np.float32)

    def __call__(self, frames: NDArray[np.float32]) -> NDArray[np.float32]:
        contexts = np.concatenate([self._context[np.newaxis], frames[:-1, -CONTEXT:]])
        given = {"input": np.concatenate([contexts, frames], axis=1), "h": self._hidden, "c": self._cell}
        probabilities, self._hidden, self._cell = self._session.run(None, given)
        self._context = frames[-1, -CONTEXT:].copy()
        return np.asarray(probabilities, np.float32).reshape(-1)
