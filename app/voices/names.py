"""Names that mean a voice: its id, its name, its aliases, and those of CHORUS_VOICE_ALIASES.

An id means its voice only. Everything else is compared without regard to case, and means a voice only where no other
voice has the same name.
"""

from collections.abc import Sequence

import msgspec

from app.engine.base import Speaker
from app.errors import AmbiguousSpeaker, InvalidField, quoted
from app.setting_values import VoiceAliases

MAX_SHOWN = 5
"""Voices that a message lists."""


class VoiceNames:
    """`aliases` are those of the setting; they come before the names and aliases of saved voices."""

    def __init__(self, aliases: VoiceAliases) -> None:
        self._aliases = aliases

    def chain(self, name: str) -> list[str]:
        """`name`, and while it is an alias of the setting, what it means. The last one is no alias."""
        names = [name]
        while (target := self._aliases.targets.get(names[-1].casefold())) is not None:
            names.append(target)
        return names

    def find(self, name: str, speakers: Sequence[Speaker]) -> str | None:
        """The id of the voice that `name` means; None where there is none. Raises AmbiguousSpeaker."""
        names = self.chain(name)
        ids = {speaker.id for speaker in speakers}
        if exact := next((each for each in names if each in ids), None):
            return exact
        return only(names[-1], ids_called(names[-1], speakers))

    def shown(self, speakers: Sequence[Speaker]) -> tuple[Speaker, ...]:
        """The speakers, with the aliases of the setting before their own."""
        added: dict[str, list[str]] = {}
        for alias in self._aliases.names:
            if (id := self._target(alias, speakers)) is not None:
                added.setdefault(id, []).append(alias)
        return tuple(
            msgspec.structs.replace(
                speaker, aliases=tuple(dict.fromkeys((*added.get(speaker.id, ()), *speaker.aliases)))
            )
            for speaker in speakers
        )

    def faults(self, speakers: Sequence[Speaker]) -> list[str]:
        """One sentence for each alias of the setting that has no effect now."""
        ids = {speaker.id for speaker in speakers}
        return [
            f"the alias {quoted(alias)} has no effect: a voice has this id"
            if alias in ids
            else f"the alias {quoted(alias)} means {quoted(self.chain(alias)[-1])}, and no one voice here has this name"
            for alias in self._aliases.names
            if self._target(alias, speakers) is None
        ]

    def check_new(self, aliases: Sequence[str], own_ids: Sequence[str], speakers: Sequence[Speaker]) -> None:
        """Raises InvalidField where one of `aliases` means something else than the voice of one of `own_ids`."""
        for alias in aliases:
            if len(self.chain(alias)) > 1:
                raise InvalidField(f"aliases: CHORUS_VOICE_ALIASES has {quoted(alias)} already", param="aliases")
            if others := [id for id in ids_called(alias, speakers) if id not in own_ids]:
                raise InvalidField(f"aliases: {quoted(alias)} means the voice {others[0]} already", param="aliases")

    def _target(self, alias: str, speakers: Sequence[Speaker]) -> str | None:
        """None for an alias that hides behind an id, or that means no voice or several."""
        try:
            id = self.find(alias, speakers)
        except AmbiguousSpeaker:
            return None
        return None if id == alias else id


def ids_called(name: str, speakers: Sequence[Speaker]) -> list[str]:
    """Ids of the speakers whose id, name or alias is `name`, without regard to case."""
    wanted = name.casefold()
    return [
        speaker.id
        for speaker in speakers
        if any(each.casefold() == wanted for each in (speaker.id, speaker.name, *speaker.aliases))
    ]


def listed_names(speakers: Sequence[Speaker]) -> list[tuple[str, str]]:
    """(what callers may say, what people read) for every id and alias, for lists without a field for aliases."""
    return [
        entry
        for speaker in speakers
        for entry in ((speaker.id, speaker.name), *((alias, f"{alias} ({speaker.name})") for alias in speaker.aliases))
    ]


def only(name: str, ids: Sequence[str]) -> str | None:
    """The one of `ids`; None for none. Raises AmbiguousSpeaker for several."""
    if len(ids) > 1:
        shown = ", ".join(ids[:MAX_SHOWN]) + (f" and {len(ids) - MAX_SHOWN} more" if len(ids) > MAX_SHOWN else "")
        raise AmbiguousSpeaker(
            f"{len(ids)} voices are called {quoted(name)}: say which one by its id, {shown}", param="speaker_id"
        )
    return ids[0] if ids else None
