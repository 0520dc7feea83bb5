"""Many recordings of one machine, transcribed beside each other so that they share the recogniser's batches."""

import asyncio
import io
from collections.abc import AsyncGenerator, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import BinaryIO

import msgspec
import numpy as np
from numpy.typing import NDArray

from app.asr.base import SAMPLE_RATE_HZ, Progress
from app.audio.speech_recording import read_speech
from app.daemon_thread import run_in_daemon_thread
from app.errors import ChorusError, UnreadableAudio
from app.pools import RECORDINGS
from app.transcription.request import TranscriptionOptions
from app.transcription.service import TranscriptionService
from app.transcription.transcript import Transcript

OnProgress = Callable[[int, float, float], None]
"""Called with the index of a file, the seconds of it that are transcribed, and its length in seconds."""


class FileOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """`result`: the transcript, or the reason that there is none."""

    index: int
    result: Transcript | ChorusError


async def transcribe_files(
    service: TranscriptionService,
    files: Sequence[Path | BinaryIO],
    options: TranscriptionOptions,
    *,
    on_progress: OnProgress = lambda index, done_s, total_s: None,
) -> AsyncGenerator[FileOutcome]:
    """The outcome of each file, in the order in which they end. A file that cannot be read does not end the others.

    As many files are in memory as the recogniser decodes windows together. Raises what is no fault of a file, such as
    UnsupportedLanguage.
    """
    service.check(options)
    places = asyncio.Semaphore(service.recognizer.info.max_batch)

    async def transcribe(index: int, file: Path | BinaryIO) -> FileOutcome:
        async with places:
            try:
                samples = await read_recording(file, service.max_recording_s)
                result = await _transcribe(service, samples, options, partial(on_progress, index))
            except ChorusError as error:
                result = error
            return FileOutcome(index=index, result=result)

    tasks = [asyncio.create_task(transcribe(index, file)) for index, file in enumerate(files)]
    try:
        for task in asyncio.as_completed(tasks):
            yield await task
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _transcribe(
    service: TranscriptionService,
    samples: NDArray[np.int16],
    options: TranscriptionOptions,
    on_progress: Callable[[float, float], None],
) -> Transcript:
    total_s = len(samples) / SAMPLE_RATE_HZ
    on_progress(0.0, total_s)
    stream = service.transcribe(samples, options)
    try:
        async for event in stream:
            if isinstance(event, Progress):
                on_progress(event.until_s, total_s)
    finally:
        await stream.aclose()
    return stream.transcript()


async def read_recording(file: Path | BinaryIO, max_s: float) -> NDArray[np.int16]:
    """[samples] at SAMPLE_RATE_HZ. Raises UnreadableAudio and RecordingTooLong.

    A daemon thread reads, because the end of the process waits for a pool's thread and a pipe may never end.
    """
    name = str(file) if isinstance(file, Path) else "the recording"
    data = await run_in_daemon_thread(partial(_read_bytes, file, name), name="read-recording")
    return await RECORDINGS.run(_decode, data, name, max_s)


def _read_bytes(file: Path | BinaryIO, name: str) -> bytes:
    """Blocks until the end of the file. Raises UnreadableAudio."""
    try:
        data = file.read_bytes() if isinstance(file, Path) else file.read()
    except OSError as error:
        raise UnreadableAudio(f"{name} cannot be read: {error.strerror}", param="file") from error
    if not data:
        raise UnreadableAudio(f"{name} is empty", param="file")
    return data


def _decode(data: bytes, name: str, max_s: float) -> NDArray[np.int16]:
    """Blocking. Raises UnreadableAudio and RecordingTooLong."""
    return np.frombuffer(read_speech(io.BytesIO(data), name=name, max_s=max_s), np.int16)
