"""From a book to its file: speak what is missing, measure, write. The same calls go on after any end."""

import hashlib
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from app.audio.loudness import gain_for
from app.books.assembly import Finished, Mastering, Output
from app.books.book import Book, Chapter
from app.books.job import ChapterHead, Job, Manifest
from app.books.plan import Recipe
from app.books.speaking import Progress, Speaker
from app.engine.base import EngineInfo
from app.engine.values import Voice
from app.pools import WHOLE_ANSWERS
from app.settings import Settings
from app.speech.service import SpeechService
from app.voices.levels import level_of

Numbered = tuple[int, Chapter]


class BookOptions(msgspec.Struct, frozen=True, kw_only=True):
    """`language` "": the engine's default; `voice` None: its first."""

    source: str
    voice: str | None = None
    language: str = ""
    speed: float = 1.0
    seed: int = 0
    is_preview: bool = False


def job_folder(data: Path, output: Path) -> Path:
    """The folder of the job that makes `output`: the same command finds it again, whatever the book has become."""
    path = output.resolve()
    digest = hashlib.sha256(str(path).encode(errors="surrogateescape")).hexdigest()[:12]
    return data / "jobs" / f"{path.stem[:40]}-{digest}"


async def speak_book(
    service: SpeechService,
    settings: Settings,
    book: Book,
    chapters: Sequence[Numbered],
    options: BookOptions,
    job: Job,
    progress: Progress,
    *,
    on_progress: Callable[[Progress], None],
    say: Callable[[str], None],
) -> None:
    """Make every segment of `chapters` that `job` does not hold. The caller has the lease.

    Raises UnsupportedLanguage, UnknownSpeaker, StorageFailure, and what the engine raises.
    """
    language = service.check_language(options.language)
    voice = await service.voices.find(options.voice)
    await level_of(service.engine, voice)
    recipe = _recipe(service.engine.info, settings, voice, options)
    heads = [(ChapterHead(number, chapter.title), chapter) for number, chapter in chapters]
    manifest = Manifest(
        source=options.source,
        title=book.title,
        author=book.author,
        language=language,
        recipe=recipe,
        chapters=tuple(head for head, _ in heads),
    )
    job.write_manifest(manifest)
    find_lexicons = service.find_lexicons({}, voice.id)
    speaker = Speaker(
        service.engine, voice, recipe, job, language, find_lexicons, progress, on_progress=on_progress, say=say
    )
    await speaker.speak(heads, is_preview=options.is_preview)
    job.write_manifest(msgspec.structs.replace(manifest, is_spoken=True))


def _recipe(info: EngineInfo, settings: Settings, voice: Voice, options: BookOptions) -> Recipe:
    return Recipe(
        engine=info.name,
        model=info.identity or info.model,
        precision=info.precision,
        sample_rate_hz=info.sample_rate_hz,
        voice=voice.id,
        gain=gain_for(voice.level, settings.loudness_dbfs),
        speed=options.speed,
        seed=options.seed,
    )


async def assemble(job: Job, output: Output, sample_rate_hz: int, write: Callable[[Mastering], None]) -> Finished:
    """Measure the book, and `write` its files on the same thread. Cancelling stops both soon.

    Raises StorageFailure for a damaged segment, and what `write` raises.
    """
    stopped = threading.Event()

    def check() -> None:
        if stopped.is_set():
            raise InterruptedError("stopped")

    def run() -> Finished:
        mastering = Mastering(job, output, sample_rate_hz, check)
        write(mastering)
        return mastering.result()

    return await WHOLE_ANSWERS.run_interruptible(run, stopped.set)
