"""The voices of the engine that would serve, read from disk: no weights are loaded."""

import msgspec

from app.engine.base import Speaker
from app.engine.factory import choose_engine
from app.engine.xtts.checkpoint.files import folder_of, is_installed
from app.errors import EngineUnavailable
from app.settings import Settings


class EngineVoices(msgspec.Struct, frozen=True, kw_only=True):
    engine: str
    model: str
    identity: str | None
    """as in EngineInfo: saved voices belong to the model"""
    languages: tuple[str, ...]
    speakers: tuple[Speaker, ...]


def read_engine_voices(settings: Settings) -> EngineVoices:
    """The same as `info` and `speakers` of the loaded engine. torch is imported for an XTTS checkpoint only.

    Raises EngineUnavailable, UnusableCheckpoint or LicenceNotAccepted.
    """
    name, _ = choose_engine(settings)
    if name == "embedded":
        from app.engine.embedded import HEART, model_name

        return EngineVoices(
            engine=name, model=model_name(), identity=None, languages=HEART.languages, speakers=(HEART,)
        )
    if not is_installed(settings.model, settings.data):
        raise EngineUnavailable(f"{settings.model} is not downloaded yet: `chorus download` gets it")
    from app.engine.xtts.checkpoint.load import load_checkpoint
    from app.engine.xtts.checkpoint.vocabulary import read_tokenizer
    from app.engine.xtts.text.languages import find_languages

    checkpoint = load_checkpoint(folder_of(settings.model, settings.data), device="meta")
    tokenizer = read_tokenizer(checkpoint.vocabulary, checkpoint.networks.decoder, checkpoint.config)
    languages = find_languages(checkpoint.config.languages, tokenizer.has_mark).spoken
    return EngineVoices(
        engine=name,
        model=checkpoint.name,
        identity=checkpoint.identity,
        languages=languages,
        speakers=tuple(
            Speaker(id=speaker, name=speaker, languages=languages, source="built-in")
            for speaker in checkpoint.speaker_names
        ),
    )
