"""The voices that callers can name.

Saved voices are looked up each time, because another server on the volume may have saved or deleted one.
"""

import difflib
import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path

import msgspec

from app.audio.reference import ReferenceClip
from app.engine.base import Engine, Speaker
from app.engine.values import Voice
from app.errors import StorageFailure, UnknownSpeaker, VoiceOfAnotherModel, quoted
from app.observability.request_context import request_context
from app.pools import FILES, TEXT
from app.setting_values import VoiceAliases
from app.voices.built_in import BuiltInVoices, SpeakerList, utc_now
from app.voices.clones import Clones
from app.voices.consent import GivenConsent
from app.voices.manifest import MAX_ID_CHARS, SavedVoice, VoiceModel, voice_id
from app.voices.names import VoiceNames, ids_called
from app.voices.shared_folder import MAX_AGE_S, SharedFolder
from app.voices.store import VoiceStore
from app.voices.voice_file import content_digest, unusable

logger = logging.getLogger(__name__)

MAX_UNPACKED = 256  # voices in memory, 260 KB each


class VoiceCatalogue:
    def __init__(
        self,
        engine: Engine,
        data: Path,
        *,
        max_voices: int = 1000,
        aliases: VoiceAliases | None = None,
        folder: SharedFolder | None = None,
        request_timeout_s: float = 300.0,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self.model = VoiceModel(engine.info.model, engine.info.identity)
        self.saved = VoiceStore(data, self.model, max_voices=max_voices)
        self.folder = folder or SharedFolder()
        self.names = VoiceNames(aliases or VoiceAliases())
        self._engine = engine
        self.clones = Clones(engine, self.model, request_timeout_s=request_timeout_s)
        self._built_in = BuiltInVoices(engine, data, self.folder, now=now)
        self._now = now
        self._unpacking = threading.Lock()
        self._unpacked: OrderedDict[str, tuple[bytes, Voice]] = OrderedDict()  # by id: file and voice, with its level

    async def list(self, *, refresh: bool = False) -> SpeakerList:
        """Built-in voices and saved ones of this model. `refresh` writes the metadata file anew first."""
        built_in = await self._built_in.list(refresh=refresh)
        saved = [self._as_speaker(voice) for voice in await self.list_saved() if self.model.made(voice)]
        speakers = self.names.shown((*built_in.speakers, *saved))
        return msgspec.structs.replace(built_in, speakers=speakers, count=len(speakers))

    async def list_saved(self) -> Sequence[SavedVoice]:
        """Voices of every model, oldest first. Raises StorageFailure."""
        async with self.folder.reading():
            return await FILES.run(self.saved.list_all)

    async def identify(self, name: str) -> str:
        """The id of the voice that `name` means. Raises UnknownSpeaker, naming near ones, or AmbiguousSpeaker."""
        if name in (speaker.id for speaker in self._engine.speakers()):
            return name
        for max_age_s in (MAX_AGE_S, 0.0):
            async with self.folder.reading(max_age_s=max_age_s):
                id = await FILES.run(self._identify, name)
            if id is not None:
                return id
        raise await self._unknown(name)

    async def is_name(self, name: str) -> bool:
        """True if `name` is an id, a name or an alias, also an alias of a voice that is not here any more."""
        if len(self.names.chain(name)) > 1:
            return True
        async with self.folder.reading(max_age_s=MAX_AGE_S):
            return bool(await FILES.run(lambda: ids_called(name, self._speakers())))

    async def find(self, name: str | None) -> Voice:
        """The voice that `name` means: an id, an alias, or a name that one voice has; the engine's first for None.
        Also a clone in memory.

        Raises UnknownSpeaker, naming near ones, AmbiguousSpeaker, or VoiceOfAnotherModel.
        """
        speakers = self._engine.speakers()
        if name is None:
            if not speakers:
                raise UnknownSpeaker(
                    "this model has no voices of its own: name a saved one, or send recordings to POST /voice-clone",
                    param="speaker_id",
                )
            return self._engine.voice(speakers[0].id)
        if (clone := self.clones.find(name)) is not None:
            return clone
        id = await self.identify(name)
        try:
            return self._engine.voice(id)
        except KeyError:
            pass
        async with self.folder.reading(max_age_s=MAX_AGE_S):
            voice = await FILES.run(self._find_saved, id)
        if voice is None:
            raise await self._unknown(name)
        return voice

    async def alias_faults(self) -> Sequence[str]:
        """One sentence for each alias of the setting that has no effect now."""
        async with self.folder.reading(max_age_s=MAX_AGE_S):
            return await FILES.run(lambda: self.names.faults(self._speakers()))

    async def save(
        self, name: str, consent: GivenConsent, clips: Sequence[ReferenceClip], aliases: Sequence[str] = ()
    ) -> tuple[SavedVoice, bool]:
        """Clone a voice and keep it. Returns the voice and True if it is new.

        The same recordings are the same voice and are cloned once; its `aliases` are replaced where there are any, and
        a voice without a statement of consent gets this one.
        Raises InvalidField for an alias that means another voice, CloningUnavailable, QueueFull, DeadlineExceeded,
        TooManyVoices, or StorageFailure.
        """
        recordings = tuple(clip.sha256 for clip in clips)
        ids = self.model.ids(recordings)
        async with self.folder.reading():
            await FILES.run(lambda: self.names.check_new(aliases, ids, self._speakers()))
            existing = await FILES.run(lambda: [self.saved.get(id) for id in ids])
        for voice in existing:
            if voice is not None and voice.imported_at is None and self.model.made(voice):
                wanted = consent.added_to(voice, self._now())
                if aliases:
                    wanted = msgspec.structs.replace(wanted, aliases=tuple(aliases))
                if wanted != voice:
                    async with self.folder.writing():
                        voice = await FILES.run(self.saved.change, wanted)
                return voice, False
        voice = await self.clones.make(clips, consent)
        manifest = SavedVoice(
            id=ids[0],
            name=name,
            model=self.model.name,
            identity=self.model.identity,
            created_at=self._now(),
            consent=consent.statement,
            sent_by=consent.sent_by,
            recordings=recordings,
            aliases=tuple(aliases),
        )
        async with self.folder.writing():
            return await FILES.run(self.saved.save, manifest, self._engine.pack_voice(voice))

    async def export_voice(self, id: str) -> tuple[SavedVoice, bytes]:
        """A saved voice and its file. Raises UnknownSpeaker or StorageFailure."""
        async with self.folder.reading():
            found = await FILES.run(self._read_saved, id)
        if found is None:
            raise await self._unknown(id)
        return found

    async def import_voice(self, voice: SavedVoice, packed: bytes, consent: GivenConsent) -> tuple[SavedVoice, bool]:
        """Keep an exported voice. Returns the voice as it is stored, and True if it is new.

        One that is stored without a statement of consent gets the statement that was sent beside the file.

        packed   the safetensors file; only its manifest has been checked

        Raises UnusableVoiceFile, CloningUnavailable, TooManyVoices, or StorageFailure.
        """
        if voice.id != voice_id(voice.key, voice.recordings):
            raise unusable(f"its id {voice.id!r} is not that of its model and recordings")
        if self._engine.info.can_clone and not self.model.made(voice):
            raise unusable(f"it is a voice of {self._maker(voice)}, and {self.model.shown} speaks here")
        try:
            await FILES.run(self._engine.unpack_voice, voice.id, packed)
        except ValueError as error:
            raise unusable(f"the engine cannot speak with it: {error}") from error
        now = self._now()
        imported = msgspec.structs.replace(consent.added_to(voice, now), imported_at=now, imported_by=consent.sent_by)
        async with self.folder.writing():
            stored, is_new = await FILES.run(self.saved.save, imported, packed)
            if voice.consent is None and (wanted := consent.added_to(stored, now)) != stored:
                stored = await FILES.run(self.saved.change, wanted)
            return stored, is_new

    async def convert_earlier(self) -> None:
        """A failure is logged, and the folder is read as it is."""
        async with self.folder.reading():
            ids = await FILES.run(self.saved.earlier_ids)
        if ids:
            logger.info("converting %d saved voices of an earlier version", len(ids))
            try:
                async with self.folder.writing():
                    await FILES.run(self.saved.convert_earlier)
            except StorageFailure as error:
                logger.warning("the saved voices were not converted: %s", error)

    async def get(self, id: str) -> SavedVoice:
        """Raises UnknownSpeaker."""
        async with self.folder.reading():
            voice = await FILES.run(self.saved.get, id)
        if voice is None:
            raise await self._unknown(id)
        return voice

    async def delete(self, id: str) -> None:
        """Raises UnknownSpeaker or StorageFailure. Answers in that voice that have begun go on."""
        caller = request_context.get().caller or None
        async with self.folder.writing():
            was_there = await FILES.run(partial(self.saved.delete, id, deleted_at=self._now(), deleted_by=caller))
        if not was_there:
            raise await self._unknown(id)

    def _maker(self, voice: SavedVoice) -> str:
        if voice.identity is None and self.model.identity is not None:
            return f"{voice.model!r} (which weights is not recorded)"
        return VoiceModel(voice.model, voice.identity).shown

    def _speakers(self) -> Sequence[Speaker]:
        """Every voice that can be spoken with, without the aliases of the setting. Blocking."""
        return [*self._engine.speakers(), *map(self._as_speaker, self.saved.list())]

    def _identify(self, name: str) -> str | None:
        """Blocking. Raises AmbiguousSpeaker."""
        for each in self.names.chain(name):
            if self.saved.get(each) is not None:
                return each
        found = self.names.find(name, self._speakers())
        if found is None:  # a voice of another model, so that the caller is told so
            found = self.names.find(name, [self._as_speaker(voice) for voice in self.saved.list_all()])
        return found

    def _find_saved(self, id: str) -> Voice | None:
        saved = self.saved.get(id)
        if saved is None:
            return None
        if not self.model.made(saved):
            raise VoiceOfAnotherModel(
                f"the saved voice {id} ({saved.name}) was cloned with {self._maker(saved)}, and {self.model.shown} "
                "speaks here: clone it again from its recordings",
                param="speaker_id",
            )
        packed = self.saved.read(id)
        known = self._unpacked.get(id)
        if known is not None and known[0] == packed:
            return known[1]
        try:
            voice = self._engine.unpack_voice(id, packed)
            voice.content = content_digest(packed)
        except ValueError as error:
            what = f"the saved voice {id} ({saved.name}) is damaged: {error}; delete it and save it again"
            raise StorageFailure(what) from error
        with self._unpacking:
            self._unpacked[id] = packed, voice
            if len(self._unpacked) > MAX_UNPACKED:
                self._unpacked.popitem(last=False)
        return voice

    def _read_saved(self, id: str) -> tuple[SavedVoice, bytes] | None:
        saved = self.saved.get(id)
        return None if saved is None else (saved, self.saved.read(id))

    async def _unknown(self, id: str) -> UnknownSpeaker | StorageFailure:
        alias, id = id, self.names.chain(id)[-1]
        meant = "" if alias == id else f", which the alias {quoted(alias)} of CHORUS_VOICE_ALIASES means"
        if self.folder.failure:
            return StorageFailure(
                f"no speaker {quoted(id)}{meant} is known here, and others may know it: {self.folder.failure}"
            )
        async with self.folder.reading(max_age_s=MAX_AGE_S):
            speakers = await FILES.run(self._speakers)
        id_of = {name: speaker.id for speaker in speakers for name in (speaker.id, speaker.name, *speaker.aliases)}
        # In a thread, with a bounded id: the time grows with the voices and with its length.
        near = await TEXT.run(difflib.get_close_matches, id[:MAX_ID_CHARS], list(id_of), n=3, cutoff=0.5)
        near = near or list(id_of)[:3]
        shown = ", ".join(dict.fromkeys(id_of[name] for name in near)) or "none"
        return UnknownSpeaker(
            f"no speaker {quoted(id)}{meant}; near ones: {shown}. GET /speakers lists all", param="speaker_id"
        )

    def _as_speaker(self, voice: SavedVoice) -> Speaker:
        return Speaker(
            id=voice.id,
            name=voice.name,
            languages=self._engine.info.languages,
            source="saved",
            aliases=voice.aliases,
        )
