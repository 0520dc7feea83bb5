"""The way of a request: language, text, voice, engine, one stream of samples."""

import asyncio
import secrets
import time
from collections.abc import Callable, Sequence

import msgspec

from app.asr.base import Recognizer
from app.audio.loudness import gain_for
from app.audio.provenance import Provenance
from app.audio.reference import ReferenceClip
from app.deadline import Deadline
from app.engine.base import Engine
from app.engine.scheduler import Request
from app.engine.values import SamplingParams, Voice
from app.errors import NothingToSpeak, QueueFull, TextTooLong, UnsupportedLanguage, quoted
from app.lifecycle import Lifecycle
from app.observability.tracing import fail, span, start_span
from app.pools import TEXT
from app.settings import Settings
from app.speech.checking.opening import check_recognizer, open_checks
from app.speech.playback import Listener
from app.speech.prepare import lexicon_finder, prepare
from app.speech.provenance import provenance_of
from app.speech.receipt import Signer
from app.speech.request import CheckMode, Entries, SpeechRequest
from app.speech.request_warnings import SAMPLING_FIELDS, request_warnings
from app.speech.silence import SilentChunks
from app.speech.stitch import Stitcher
from app.speech.stream import SpeechStream
from app.text.languages import LANGUAGES, default_language, match_language
from app.text.lexicon import FindLexicons
from app.text.lexicon_file import LexiconFile
from app.voices.catalogue import VoiceCatalogue
from app.voices.consent import ConsentRule, GivenConsent
from app.voices.consents import Consents
from app.voices.levels import level_of
from app.voices.shared_folder import SharedFolder


class SpeechService:
    def __init__(
        self,
        engine: Engine,
        settings: Settings,
        lifecycle: Lifecycle,
        *,
        folder: SharedFolder | None = None,
        lexicon: LexiconFile | None = None,
        recognizer: Recognizer | None = None,
        signer: Signer | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.engine = engine
        self._recognizer = recognizer
        self.signer = signer
        self.lexicon = lexicon or LexiconFile(settings.lexicon)
        self.voices = VoiceCatalogue(
            engine,
            settings.data,
            max_voices=settings.max_voices,
            aliases=settings.voice_aliases,
            folder=folder,
            request_timeout_s=settings.request_timeout_s,
        )
        self.consents = Consents(settings.data, self.voices.folder, max_consents=settings.max_voices)
        self.consent_rule = ConsentRule(self.consents, is_required=settings.require_consent)
        self._settings = settings
        self._lifecycle = lifecycle
        self._clock = clock
        self._ended = asyncio.Event()
        """pulsed (set, then cleared) each time an answer is closed, to wake `admit_in_turn`"""

    async def speak(self, request: SpeechRequest) -> SpeechStream:
        """Raises DeadlineExceeded after CHORUS_REQUEST_TIMEOUT_S without audio. The caller must close the result."""
        speech = await self._admit(request, self._new_deadline())
        await speech.start()
        return speech

    async def admit(self, request: SpeechRequest) -> SpeechStream:
        """As `speak`, without waiting for audio. The caller must close the result."""
        return await self._admit(request, self._new_deadline())

    async def admit_in_turn(self, request: SpeechRequest) -> SpeechStream:
        """As `admit`, for a conversation that has begun: where the engine is full, wait for a place.

        Raises DeadlineExceeded where none becomes free in time.
        """
        async with self._new_deadline().overall("no place in the queue became free"):
            while True:
                try:
                    return await self.admit(request)
                except QueueFull:
                    await self.answer_ended()

    @property
    def has_spare_places(self) -> bool:
        """True if more than three quarters of the engine's places are free."""
        info = self.engine.info
        return 4 * self.engine.stats().admitted_requests < info.max_slots + info.max_queue

    async def answer_ended(self) -> None:
        """Wait until any answer ends and its place is free."""
        await self._ended.wait()

    async def clone(
        self, request: SpeechRequest, clips: Sequence[ReferenceClip], consent: GivenConsent
    ) -> SpeechStream:
        """Speak in the voice of `clips`, with one deadline for cloning and speaking.

        Raises CloningUnavailable, QueueFull and DeadlineExceeded.
        """
        self._lifecycle.check()
        if self.engine.info.can_clone:  # a request that would be refused must not cost seconds of the device
            self.check_language(request.language)
            self.check_length(request.text)
        consent.log(clips)
        deadline = self._new_deadline()
        with span("condition"):
            async with deadline.overall():
                voice = await self.engine.clone(clips)
        cut = [
            f"of recording {number} the first {self.engine.info.max_reference_s:g} s are used"
            for number, clip in enumerate(clips, 1)
            if clip.is_cut
        ]
        speech = await self._admit(request, deadline, cloned=voice, warnings=cut)
        await speech.start()
        return speech

    def _new_deadline(self) -> Deadline:
        return Deadline(self._settings.request_timeout_s)

    async def _admit(
        self,
        request: SpeechRequest,
        deadline: Deadline,
        *,
        cloned: Voice | None = None,
        warnings: Sequence[str] = (),
    ) -> SpeechStream:
        asked_at_s, info = self._clock(), self.engine.info
        self._lifecycle.check()
        language = self.check_language(request.language)
        self.check_length(request.text)
        self.check_recognizer(request)
        request = msgspec.structs.replace(request, check=self.check_mode(request))
        async with deadline.overall():
            with span("voice"):
                voice = cloned or await self.voices.find(request.speaker_id)
            with span("segment"):
                try:
                    prepared = await TEXT.run(
                        prepare,
                        self.engine,
                        request.text,
                        language,
                        find_lexicons := self.find_lexicons(request.lexicon, voice.id),
                        max_chars=self._settings.max_text_chars,
                        markup=request.markup,
                        speed=request.speed,
                    )
                except NothingToSpeak as error:
                    if not request.allows_silence:
                        raise
                    return self._silence(request, voice, language, error.message, deadline, asked_at_s)
            if voice.level is None:
                with span("level"):
                    await level_of(self.engine, voice)
        seed = secrets.randbits(32) if request.seed is None else request.seed
        listener = request.listener or Listener(self._clock)
        submitted = Request(
            sequences=prepared.sequences,
            voice=voice,
            sampling=SamplingParams(seed=seed, **{field: getattr(request, field) for field in SAMPLING_FIELDS}),
            speed=request.speed,
            streaming=request.streaming,
            listener=listener,
            can_wait=request.can_wait,
        )
        leave = self._lifecycle.enter()
        synthesis = start_span("synthesize")

        def on_close() -> None:
            leave()
            self._ended.set()
            self._ended.clear()

        try:
            chunks = self.engine.submit(submitted)
        except BaseException as error:
            leave()
            fail(synthesis, type(error).__name__)
            synthesis.end()
            raise
        delivered, reports = open_checks(
            chunks,
            engine=self.engine,
            recognizer=self._recognizer,
            asked=request,
            submitted=submitted,
            listener=listener,
            language=language,
            find_lexicons=find_lexicons,
        )
        return SpeechStream(
            delivered,
            Stitcher(prepared.segments, info.sample_rate_hz, lead_s=prepared.lead_s),
            info=info,
            seed=seed,
            warnings=(*warnings, *request_warnings(request, info, language), *prepared.warnings),
            gain=gain_for(voice.level, self._settings.loudness_dbfs),
            deadline=deadline,
            asked_at_s=asked_at_s,
            on_close=on_close,
            clock=self._clock,
            trace=synthesis,
            check=request.check or "off",
            reports=reports,
            listener=listener,
            provenance=self.provenance(voice),
            signer=self.signer,
        )

    @property
    def can_time_words(self) -> bool:
        return self._recognizer is not None

    def check_mode(self, request: SpeechRequest) -> CheckMode:
        """The mode of the request, or that of CHORUS_CHECK where there is a recogniser."""
        return request.check or ("off" if self._recognizer is None else self._settings.check)

    def check_recognizer(self, request: SpeechRequest) -> None:
        """Raises TranscriptionUnavailable for words and checks where there is no recogniser."""
        check_recognizer(request, self._recognizer)

    def _silence(
        self, request: SpeechRequest, voice: Voice, language: str, warning: str, deadline: Deadline, asked_at_s: float
    ) -> SpeechStream:
        """Takes no place of the engine."""
        info = self.engine.info
        silent = SilentChunks(info.sample_rate_hz)
        return SpeechStream(
            silent,
            silent,
            info=info,
            seed=request.seed or 0,
            warnings=(warning, *request_warnings(request, info, language)),
            gain=1.0,
            deadline=deadline,
            asked_at_s=asked_at_s,
            on_close=self._lifecycle.enter(),
            clock=self._clock,
            provenance=self.provenance(voice),
            signer=self.signer,
        )

    def provenance(self, *voices: Voice) -> Provenance | None:
        """The provenance of an answer in `voices`; None where CHORUS_MARKS is off."""
        return provenance_of(self.engine, voices, self._settings.marks)

    def find_lexicons(self, entries: Entries, voice_id: str | None) -> FindLexicons:
        """Look-up of lexicons, those of the request before CHORUS_LEXICON. A look-up blocks and raises InvalidField."""
        return lexicon_finder(entries, self.lexicon, voice_id)

    async def check(self, request: SpeechRequest) -> Voice:
        """The voice of the request. Raises what `speak` would raise before it admits the request."""
        self._lifecycle.check()
        self.check_language(request.language)
        self.check_length(request.text)
        self.check_recognizer(request)
        return await self.voices.find(request.speaker_id)

    def check_language(self, code: str) -> str:
        """The engine's own code of a language; its default for "". Raises UnsupportedLanguage."""
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

    @property
    def max_text_chars(self) -> int:
        return self._settings.max_text_chars

    def check_length(self, text: str) -> None:
        """Raises TextTooLong."""
        limit = self._settings.max_text_chars
        if len(text) > limit:
            raise TextTooLong(f"the text has {len(text)} characters; the limit is {limit}", param="text")

    async def aclose(self) -> None:
        await self.engine.aclose()
