"""The event loop's side of the XTTS engine. It sends messages to the device's thread and takes audio back."""

import asyncio
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import msgspec
import torch

from app.audio.reference import ReferenceClip
from app.daemon_thread import start_owner_thread
from app.engine.admission import Admission
from app.engine.base import EngineInfo, EngineStats, Speaker
from app.engine.scheduler import Request
from app.engine.stream import ChunkStream
from app.engine.values import AudioChunk, SamplingParams, Voice
from app.engine.xtts.build import PROFILES, DeviceProfile, EngineParts, build_parts
from app.engine.xtts.checkpoint.load import Checkpoint, load_checkpoint
from app.engine.xtts.checkpoint.precision import Precision
from app.engine.xtts.clones import Clones
from app.engine.xtts.device.memory import read_device_memory
from app.engine.xtts.messages import AudioConsumed, Cancel, Speak, Stop
from app.engine.xtts.runaway import Guards
from app.engine.xtts.sequence import XttsSequence
from app.engine.xtts.text.prepare import TextPreparer
from app.engine.xtts.voice.speakers import VoiceConditioning, pack_conditioning, unpack_conditioning, unpack_level
from app.errors import ChorusError, Draining
from app.startup import Check, StartupTimer, unchecked, untimed
from app.text.languages import max_chars
from app.text.lexicon import FindLexicons, no_lexicons
from app.text.segments import Segment


class XttsEngine:
    """`device` is `cpu` or `cuda`. Without `profile` and with `max_slots` 0 it works as suits the device, without CUDA
    graphs where `use_graphs` is false; with a `checkpoint`, `folder` is not read.

    Construction blocks for seconds. The engine belongs to one event loop.
    """

    def __init__(
        self,
        folder: Path,
        *,
        device: str = "cpu",
        precision: Precision = "auto",
        profile: DeviceProfile | None = None,
        use_graphs: bool = True,
        max_slots: int = 0,
        max_queue: int = 64,
        max_ahead_s: float = 30.0,
        limit_streams: bool = False,
        max_live_wait_s: float = 0.0,
        guards: Guards = Guards(),  # noqa: B008 - a frozen value
        checkpoint: Checkpoint | None = None,
        stage: StartupTimer = untimed,
        check: Check = unchecked,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        profile = profile or PROFILES[device]
        if not use_graphs:
            profile = msgspec.structs.replace(profile, use_graphs=False)
        self._clock = clock
        self._device = torch.device(device)
        self._streams: set[ChunkStream] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._tell_lost: Callable[[ChorusError], None] = lambda _: None
        self._is_closed = False

        def make() -> EngineParts:
            with stage("weights"):
                ready = checkpoint or load_checkpoint(folder)
            return build_parts(
                ready,
                device=self._device,
                precision=precision,
                profile=profile,
                max_slots=max_slots,
                max_ahead_s=max_ahead_s,
                limit_streams=limit_streams,
                max_live_wait_s=max_live_wait_s,
                guards=guards,
                on_lost=self._is_lost,
                clock=clock,
                stage=stage,
                check=check,
            )

        self._thread, parts = start_owner_thread(make, lambda parts: parts.engine_loop.run(), name="device")
        self._checkpoint, self._engine_loop = parts.checkpoint, parts.engine_loop
        self._admission = Admission(
            max_admitted=parts.num_slots + max_queue,
            num_slots=parts.num_slots,
            pace=self._engine_loop.pace,
            clone_pace=self._engine_loop.clone_pace,
            live=self._engine_loop.live,
        )
        self._clones = Clones(self._admission, self._engine_loop.send, clock)
        self._voices = {
            name.casefold(): Voice(id=name, conditioning=conditioning)
            for name, conditioning in self._checkpoint.speakers.items()
        }
        self._preparer = TextPreparer(parts.tokenizer, self._checkpoint.config.model_args, guards)
        self.info = _info_of(parts, device, max_queue)

    def stats(self) -> EngineStats:
        return EngineStats(
            busy_slots=self._engine_loop.busy_slots,
            admitted_requests=self._admission.num_admitted,
            waiting_requests=self._admission.num_waiting,
            decode_steps=self._engine_loop.num_steps,
            segments_retried=self._engine_loop.num_retried,
            segments_cut=self._engine_loop.num_cut,
            live_streams=self._admission.num_listeners,
            capacity_streams=self._engine_loop.live.capacity.streams,
            device_memory=read_device_memory(self._device),
        )

    def speakers(self) -> Sequence[Speaker]:
        return tuple(
            Speaker(id=name, name=name, languages=self.info.languages, source="built-in")
            for name in self._checkpoint.speakers
        )

    def voice(self, speaker_id: str) -> Voice:
        """By the speaker's name, in any case."""
        return self._voices[speaker_id.casefold()]

    async def clone(self, clips: Sequence[ReferenceClip]) -> Voice:
        if self._is_closed:
            raise Draining("the server is shutting down")
        return await self._clones.voice_of(clips)

    def pack_voice(self, voice: Voice) -> bytes:
        return pack_conditioning(voice.conditioning, voice.level)

    def unpack_voice(self, voice_id: str, packed: bytes) -> Voice:
        channels = self._checkpoint.config.model_args.gpt_n_model_channels
        conditioning = unpack_conditioning(packed, channels=channels)
        return Voice(id=voice_id, conditioning=conditioning, level=unpack_level(packed))

    def prepare(
        self, segments: Sequence[Segment], language: str, find_lexicons: FindLexicons = no_lexicons
    ) -> tuple[XttsSequence, ...]:
        return self._preparer.prepare(segments, language, find_lexicons)

    def submit(self, request: Request) -> ChunkStream:
        if self._is_closed:
            raise Draining("the server is shutting down")
        assert isinstance(request.voice.conditioning, VoiceConditioning), "a voice of another engine"

        def on_take(chunk: AudioChunk) -> None:
            self._engine_loop.send(AudioConsumed(request, len(chunk.samples) / self.info.sample_rate_hz))

        def on_close() -> None:
            self._admission.release(request)
            self._streams.discard(stream)
            self._engine_loop.send(Cancel(request))

        stream = ChunkStream(request, on_take=on_take, on_close=on_close)
        request.admit(_ThreadsafeSink(asyncio.get_running_loop(), stream), self._clock())
        request.sampling = request.sampling.with_defaults(self._checkpoint.config.sampling)
        self._admission.admit(request)
        self._streams.add(stream)
        self._engine_loop.send(Speak(request))
        return stream

    def on_lost(self, tell: Callable[[ChorusError], None]) -> None:
        self._loop, self._tell_lost = asyncio.get_running_loop(), tell

    def _is_lost(self, error: ChorusError) -> None:
        """On the device's thread."""
        self._is_closed = True
        if self._loop is not None:
            _call(self._loop, self._tell_lost, error)

    async def aclose(self) -> None:
        self._is_closed = True
        for stream in list(self._streams):
            stream.fail(Draining("the server stopped before this request was finished"))
        self._engine_loop.send(Stop())
        await asyncio.to_thread(self._thread.join)


Value = TypeVar("Value")


class _ThreadsafeSink:
    """Carries audio from the device's thread to a stream on the event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop, stream: ChunkStream) -> None:
        self._loop = loop
        self._stream = stream

    def deliver(self, chunk: AudioChunk) -> None:
        _call(self._loop, self._stream.deliver, chunk)

    def warn(self, warning: str) -> None:
        _call(self._loop, self._stream.warn, warning)

    def fail(self, error: BaseException) -> None:
        _call(self._loop, self._stream.fail, error)


def _call(loop: asyncio.AbstractEventLoop, function: Callable[[Value], None], value: Value) -> None:
    if not loop.is_closed():
        loop.call_soon_threadsafe(function, value)


def _info_of(parts: EngineParts, device: str, max_queue: int) -> EngineInfo:
    checkpoint, languages, config = parts.checkpoint, parts.languages, parts.checkpoint.config
    return EngineInfo(
        name="xtts",
        model=checkpoint.name,
        identity=checkpoint.identity,
        device=device_name(device),
        precision=parts.precision.name,
        precision_reason=parts.precision.reason,
        vocoder_precision="bfloat16" if parts.precision.vocoder == "bfloat16" else None,
        sample_rate_hz=config.model_args.output_sample_rate,
        languages=languages.spoken,
        languages_as_written=languages.as_written,
        max_segment_chars={language: max_chars(language) for language in languages.spoken},
        can_clone=True,
        sampling_options=frozenset(SamplingParams.__struct_fields__),
        max_slots=parts.num_slots,
        max_queue=max_queue,
        max_reference_s=float(config.max_ref_len),
    )


def device_name(device: str) -> str:
    """`cpu`, or `cuda` with the name of the GPU."""
    return f"cuda ({torch.cuda.get_device_name()})" if device == "cuda" else device
