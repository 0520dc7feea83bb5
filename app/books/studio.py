"""The seam between a book and what speaks it: an engine in this process, or a server (app/books/remote.py)."""

import copy
from typing import Protocol

import msgspec
import numpy as np

from app.audio.loudness import gain_for, soft_limit
from app.books.cast import Reader
from app.books.levels import VoiceLevels
from app.books.notes import Notes
from app.books.plan import Planned, Recipe
from app.engine.base import EngineInfo, Preparer
from app.engine.scheduler import Request
from app.engine.values import Samples, SamplingParams, Voice
from app.errors import NothingToSpeak
from app.settings import Settings
from app.speech.service import SpeechService
from app.speech.stitch import Stitcher

SILENCE_S = 0.1
"""In place of a segment for which no sound came."""


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """How a whole book is spoken."""

    speed: float
    seed: int


class Studio(Protocol):
    """Methods are called on the event loop, those of `engine` on any thread."""

    @property
    def engine(self) -> Preparer: ...

    def check_language(self, code: str) -> str:
        """The engine's own code of a language; its default for "". Raises UnsupportedLanguage."""
        ...

    async def find_reader(self, name: str | None, delivery: Delivery, levels: VoiceLevels) -> Reader:
        """The voice of a name, the first one for None. Raises UnknownSpeaker, AmbiguousSpeaker, VoiceOfAnotherModel.

        levels   of the job; a voice that it lacks is measured and added
        """
        ...

    def is_cloned(self, voice: str) -> bool:
        """True for the id of a voice that was made from recordings."""
        ...

    async def decode(self, planned: Planned, seed: int) -> tuple[Samples, Notes]:
        """[samples] of a segment, without the silence around it. Raises what the engine raises."""
        ...


class LocalStudio:
    """An engine in this process. `is_background`: it also speaks for others, who go first."""

    def __init__(self, service: SpeechService, settings: Settings, *, is_background: bool = False) -> None:
        self._service = service
        self._settings = settings
        self._is_background = is_background
        self._voices: dict[str, Voice] = {}

    @property
    def engine(self) -> Preparer:
        return self._service.engine

    def check_language(self, code: str) -> str:
        return self._service.check_language(code)

    async def find_reader(self, name: str | None, delivery: Delivery, levels: VoiceLevels) -> Reader:
        voice = await self._service.voices.find(name)
        gain = gain_for(await levels.find(self._service.engine, voice), self._settings.loudness_dbfs)
        recipe = make_recipe(self.engine.info, voice.id, gain, delivery, voice_content=voice.content)
        self._voices[voice.id] = voice
        return Reader(recipe, self._service.find_lexicons({}, voice.id))

    def is_cloned(self, voice: str) -> bool:
        return all(voice != speaker.id for speaker in self._service.engine.speakers())

    async def decode(self, planned: Planned, seed: int) -> tuple[Samples, Notes]:
        recipe = planned.recipe
        sequence = copy.deepcopy(planned.sequence)  # engines keep their state in it, and it may be decoded again
        stream = self._service.engine.submit(
            Request(
                sequences=(sequence,),
                voice=self._voices[recipe.voice],
                sampling=SamplingParams(seed=seed),
                speed=recipe.speed,
                streaming=False,
                can_wait=True,
                is_background=self._is_background,
            )
        )
        stitcher = Stitcher([sequence.segment], recipe.sample_rate_hz)
        try:
            events = [event async for chunk in stream for event in stitcher.push(chunk)]
        except NothingToSpeak as error:
            return silence(recipe), Notes(warnings=(error.message,))
        finally:
            await stream.aclose()
        samples = np.concatenate([event for event in events if isinstance(event, np.ndarray)])
        return soft_limit(samples * np.float32(recipe.gain)), Notes(warnings=tuple(stream.warnings))


def make_recipe(info: EngineInfo, voice: str, gain: float, delivery: Delivery, *, voice_content: str = "") -> Recipe:
    return Recipe(
        engine=info.name,
        model=info.identity or info.model,
        precision=info.precision,
        vocoder_precision=info.vocoder_precision,
        sample_rate_hz=info.sample_rate_hz,
        voice=voice,
        voice_content=voice_content,
        gain=gain,
        speed=delivery.speed,
        seed=delivery.seed,
    )


def silence(recipe: Recipe) -> Samples:
    return np.zeros(round(SILENCE_S * recipe.sample_rate_hz), np.float32)
