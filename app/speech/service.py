"""The journey of a request, told in order: language, text, voice, engine, one stream of samples."""

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable, Sequence

from app.audio.reference import ReferenceClip
from app.engine.base import Engine, SamplingParams, SynthesisRequest, Voice
from app.errors import DeadlineExceeded, NothingToSpeak, QueueFull, TextTooLong, UnsupportedLanguage, quoted
from app.settings import Settings
from app.speech.lifecycle import Lifecycle
from app.speech.request import SpeechRequest
from app.speech.speakers import SpeakerCatalogue
from app.speech.speech import Loudness, Speech
from app.speech.stitch import Stitcher
from app.speech.volume import SharedFolder, Volume
from app.text.languages import LANGUAGES, default_language, match_language
from app.text.segments import Segment, split_segments
from app.tracing import current, span

SAMPLING_FIELDS = ("temperature", "top_k", "top_p", "repetition_penalty")


class SpeechService:
    """One loaded engine, and everything that turns a request into its audio."""

    def __init__(
        self,
        engine: Engine,
        settings: Settings,
        lifecycle: Lifecycle,
        *,
        volume: Volume | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.engine = engine
        self.speakers = SpeakerCatalogue(
            engine, settings.data, max_voices=settings.max_voices, folder=SharedFolder(volume)
        )
        self._settings = settings
        self._lifecycle = lifecycle
        self._clock = clock
        self._ended = asyncio.Event()
        """wakes who waits whenever an answer ends; never stays set"""

    async def speak(self, request: SpeechRequest) -> Speech:
        """Admit a request and wait for its first audio. The caller must close what comes back."""
        speech = await self.admit(request)
        await speech.start()
        return speech

    async def admit(self, request: SpeechRequest, *, loudness: Loudness | None = None) -> Speech:
        """Admit a request and wait for nothing more. The caller must close what comes back.

        Answers that follow each other in one conversation share a `loudness`.
        """
        return await self._admit(request, lambda: self.speakers.find(request.speaker_id), loudness=loudness)

    async def admit_in_turn(self, request: SpeechRequest, *, loudness: Loudness) -> Speech:
        """Admit the next answer of a conversation that has begun: where the engine is full, wait for a place.

        Raises DeadlineExceeded where none becomes free in time.
        """
        try:
            async with asyncio.timeout(self._settings.request_timeout_s):
                while True:
                    try:
                        return await self.admit(request, loudness=loudness)
                    except QueueFull:
                        await self.answer_ended()
        except TimeoutError:
            raise DeadlineExceeded("no place in the queue became free in time (CHORUS_REQUEST_TIMEOUT_S)") from None

    @property
    def has_spare_places(self) -> bool:
        """Whether more than three quarters of the engine's places are free."""
        info = self.engine.info
        return 4 * self.engine.stats().admitted_requests < info.max_slots + info.max_queue

    async def answer_ended(self) -> None:
        """Wait for the next end of an answer, anybody's: its place is free then."""
        await self._ended.wait()

    async def clone(self, request: SpeechRequest, clips: Sequence[ReferenceClip]) -> Speech:
        """The same in the voice of `clips`. Raises CloningUnavailable where the engine cannot."""
        self._lifecycle.check()
        with span("condition"):
            voice = await self.engine.clone(clips)
        used_s = self.engine.info.max_reference_s
        cut = [
            f"of recording {number} the first {used_s:g} s are used"
            for number, clip in enumerate(clips, 1)
            if clip.is_cut
        ]

        async def cloned() -> Voice:
            return voice

        speech = await self._admit(request, cloned, cut)
        await speech.start()
        return speech

    def new_loudness(self) -> Loudness:
        """For one answer, or for one conversation."""
        return Loudness(target_dbfs=self._settings.loudness_dbfs)

    async def _admit(
        self,
        request: SpeechRequest,
        find_voice: Callable[[], Awaitable[Voice]],
        voice_warnings: Sequence[str] = (),
        *,
        loudness: Loudness | None = None,
    ) -> Speech:
        asked_at_s = self._clock()
        self._lifecycle.check()
        info = self.engine.info
        language = self.check_language(request.language)
        self.check_length(request.text)
        with span("voice"):
            voice = await find_voice()
        with span("segment"):
            segments = await asyncio.to_thread(
                split_segments, request.text, language=language, max_chars=info.max_segment_chars[language]
            )
        self._check_sound(segments, language)
        seed = secrets.randbits(32) if request.seed is None else request.seed
        leave = self._lifecycle.enter()
        synthesis = current().child("synthesize")

        def on_close() -> None:
            leave()
            self._ended.set()
            self._ended.clear()

        try:
            chunks = self.engine.submit(
                SynthesisRequest(
                    segments=segments,
                    language=language,
                    voice=voice,
                    sampling=SamplingParams(seed=seed, **{field: getattr(request, field) for field in SAMPLING_FIELDS}),
                    speed=request.speed,
                    streaming=request.streaming,
                )
            )
        except BaseException as error:
            leave()
            synthesis.fail(type(error).__name__)
            synthesis.end()
            raise
        return Speech(
            chunks,
            Stitcher(segments, info.sample_rate_hz),
            info=info,
            seed=seed,
            warnings=(*voice_warnings, *self._warnings(request, segments, language)),
            loudness=loudness or self.new_loudness(),
            timeout_s=self._settings.request_timeout_s,
            num_segments=len(segments),
            asked_at_s=asked_at_s,
            on_close=on_close,
            clock=self._clock,
            trace=synthesis,
        )

    async def check(self, request: SpeechRequest) -> None:
        """Raise what `speak` would raise before it admits the request, without admitting it."""
        self._lifecycle.check()
        self.check_language(request.language)
        self.check_length(request.text)
        await self.speakers.find(request.speaker_id)

    def check_language(self, code: str) -> str:
        """The engine's own name of a language; its default for "". Raises UnsupportedLanguage."""
        info = self.engine.info
        language = match_language(code, info.languages) if code else default_language(info.languages)
        if language is None:
            is_of_xtts = info.name != "xtts" and match_language(code, tuple(LANGUAGES)) is not None
            raise UnsupportedLanguage(
                f"the {info.name} engine speaks {', '.join(info.languages)} only, not {quoted(code)}"
                + ("; the XTTS engine does" if is_of_xtts else ""),
                param="language",
            )
        return language

    def check_length(self, text: str) -> None:
        """Raises TextTooLong."""
        limit = self._settings.max_text_chars
        if len(text) > limit:
            raise TextTooLong(f"the text has {len(text)} characters; the limit is {limit}", param="text")

    def _check_sound(self, segments: Sequence[Segment], language: str) -> None:
        if not segments:
            raise NothingToSpeak("the text has nothing that can be spoken", param="text")
        for segment in segments:
            if not self.engine.has_sound(segment.text, language):
                raise NothingToSpeak(
                    f"the {self.engine.info.name} engine has no sound for {segment.text[:60]!r}", param="text"
                )

    def _warnings(self, request: SpeechRequest, segments: Sequence[Segment], language: str) -> tuple[str, ...]:
        """What the caller asked for and will not get."""
        info = self.engine.info
        ignored = [
            field
            for field in SAMPLING_FIELDS
            if getattr(request, field) is not None and field not in info.sampling_options
        ]
        warnings = [f"{field} has no effect on the {info.name} engine" for field in (*ignored, *request.without_effect)]
        warnings += request.notes
        if language in info.languages_as_written and any(char.isdigit() for char in request.text):
            warnings.append(f"numbers are not spelt out in {language!r}: write them as words")
        if silent := self.engine.unspeakable(" ".join(segment.text for segment in segments), language):
            warnings.append(f"not spoken, because the {info.name} engine cannot: {silent[:40]}")
        return tuple(warnings)

    async def aclose(self) -> None:
        await self.speakers.aclose()
        await self.engine.aclose()
