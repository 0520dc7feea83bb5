"""A short silence as the answer to a text without sound.

OpenAI's clients, SillyTavern and conversations send a text in pieces, and one error would end all of it.
"""

import numpy as np

from app.engine.values import AudioChunk
from app.speech.events import SpeechEvent

SILENCE_S = 0.25


class SilentChunks:
    """SILENCE_S of samples without a segment, in place of a ChunkStream and a Stitcher."""

    warnings: tuple[str, ...] = ()
    queue_s: float | None = 0.0
    begins_with_pause, ends_with_pause = True, False
    num_segments = 0

    def __init__(self, sample_rate_hz: int) -> None:
        self._rest = [np.zeros(round(SILENCE_S * sample_rate_hz), np.float32)]

    def __aiter__(self) -> "SilentChunks":
        return self

    async def __anext__(self) -> AudioChunk:
        if not self._rest:
            raise StopAsyncIteration
        return AudioChunk(segment_index=0, samples=self._rest.pop(), is_last=False)

    def push(self, chunk: AudioChunk) -> list[SpeechEvent]:
        return [chunk.samples]

    async def aclose(self) -> None:
        self._rest.clear()
