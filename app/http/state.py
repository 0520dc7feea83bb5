import secrets
import time

from app.asr.base import Recognizer
from app.asr.installation import HOW_TO_INSTALL, TURNED_OFF
from app.audio.live_recording import LiveDecoders
from app.books.jobs.keeper import BookJobs
from app.books.reading import BookReader
from app.engine.base import Engine
from app.errors import EngineNotReady, TranscriptionUnavailable
from app.http.access.middleware import Access
from app.http.metrics import Metrics
from app.http.responses.spoken_files import SpokenFiles
from app.http.wire.uploads import Uploads
from app.lifecycle import Lifecycle
from app.settings import Settings, child_environment
from app.speech.connections import Connections
from app.speech.service import SpeechService
from app.transcription.service import TranscriptionService


class AppState:
    """`service` exists once the engine is loaded; `recognizer` then exists too, on a server that has one."""

    def __init__(self, settings: Settings, lifecycle: Lifecycle, access: Access) -> None:
        self.settings = settings
        self.lifecycle = lifecycle
        self.instance = f"{int(time.time())}-{secrets.token_hex(4)}"
        self.access = access
        self.loaded: SpeechService | None = None
        self.loaded_recognizer: Recognizer | None = None
        self.no_recognizer_reason = TURNED_OFF if settings.asr_model == "off" else HOW_TO_INSTALL
        """one sentence: the command or the setting that adds a recogniser"""
        self._transcription: TranscriptionService | None = None
        self.loaded_jobs: BookJobs | None = None
        self.uploads = Uploads(settings)
        self.book_reader = BookReader()
        self.live_decoders = LiveDecoders(child_environment())
        self.spoken_files = SpokenFiles()
        self.connections = Connections(settings.max_sockets)
        self.metrics = Metrics(
            lifecycle,
            self._find_engine,
            lambda: self.connections.num_open,
            lambda: self.loaded_recognizer,
            lambda: None if self.loaded_jobs is None else self.loaded_jobs.worker.num_by_status,
        )

    @property
    def service(self) -> SpeechService:
        """Raises EngineNotReady, Draining or EngineFailure while requests cannot be taken."""
        self.lifecycle.check()
        if self.loaded is None:
            raise EngineNotReady("the engine is still loading")
        return self.loaded

    @property
    def jobs(self) -> BookJobs:
        """Raises as `service` does."""
        self.lifecycle.check()
        if self.loaded_jobs is None:
            raise EngineNotReady("the engine is still loading")
        return self.loaded_jobs

    @property
    def transcription(self) -> TranscriptionService:
        """Raises as `recognizer` does."""
        recognizer = self.recognizer
        if self._transcription is None or self._transcription.recognizer is not recognizer:
            self._transcription = TranscriptionService(recognizer, self.settings, self.lifecycle)
        return self._transcription

    @property
    def recognizer(self) -> Recognizer:
        """Raises EngineNotReady, Draining or EngineFailure while requests cannot be taken, and TranscriptionUnavailable
        where the server has no recogniser.
        """
        self.lifecycle.check()
        if self.loaded_recognizer is None:
            raise TranscriptionUnavailable(self.no_recognizer_reason)
        return self.loaded_recognizer

    def _find_engine(self) -> Engine | None:
        return None if self.loaded is None else self.loaded.engine
