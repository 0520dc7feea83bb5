"""Which voice a name means."""

import pytest

from app.engine.base import Speaker
from app.errors import AmbiguousSpeaker, InvalidField, InvalidSetting
from app.setting_values import VoiceAliases
from app.settings import load_settings
from app.voices.names import VoiceNames, listed_names


def speaker(id: str, name: str, *aliases: str) -> Speaker:
    return Speaker(id=id, name=name, languages=("en",), source="saved", aliases=aliases)


ANA = speaker("Ana Florence", "Ana Florence")
ADA = speaker("0a1b2c3d4e5f6071", "Ada", "echo", "Frau Müller")
SPEAKERS = [ANA, ADA]


def names(text: str = "") -> VoiceNames:
    return VoiceNames(VoiceAliases(text))


@pytest.mark.parametrize(
    ("name", "id"),
    [
        ("Ana Florence", ANA.id),
        ("ana FLORENCE", ANA.id),
        (ADA.id.upper(), ADA.id),
        ("ADA", ADA.id),
        ("Echo", ADA.id),
        ("frau MÜLLER", ADA.id),
        ("Ad", None),
        ("", None),
    ],
)
def test_a_voice_is_found_by_id_name_and_alias_in_any_case(name: str, id: str | None) -> None:
    assert names().find(name, SPEAKERS) == id


def test_a_name_that_two_voices_have_is_refused_with_their_ids() -> None:
    other = speaker("ffffffffffffffff", "ada")
    with pytest.raises(AmbiguousSpeaker, match="0a1b2c3d4e5f6071, ffffffffffffffff"):
        names().find("Ada", [*SPEAKERS, other])
    assert names().find(other.id, [*SPEAKERS, other]) == other.id


def test_an_alias_of_the_setting_comes_before_names_and_after_ids() -> None:
    aliased = names("ada=Ana Florence, Ana Florence=0a1b2c3d4e5f6071")
    assert aliased.find("ADA", SPEAKERS) == ANA.id
    assert aliased.find("Ana Florence", SPEAKERS) == ANA.id


def test_an_alias_of_an_alias_means_the_last_voice() -> None:
    aliased = names("alloy = Nova, nova = ECHO")
    assert aliased.find("ALLOY", SPEAKERS) == ADA.id
    [_, ada] = aliased.shown(SPEAKERS)
    assert ada.aliases == ("alloy", "nova", "echo", "Frau Müller")


def test_an_alias_of_a_voice_that_is_gone_means_none_and_is_told_at_the_start() -> None:
    aliased = names("alloy=0000000000000000, heart=Ada, Ana Florence=Ada")
    assert aliased.find("alloy", SPEAKERS) is None
    assert aliased.shown(SPEAKERS)[0].aliases == ()
    missing, hidden = aliased.faults(SPEAKERS)
    assert "'alloy' means '0000000000000000'" in missing
    assert "'Ana Florence' has no effect" in hidden


def test_a_list_without_a_field_for_aliases_has_an_entry_for_each() -> None:
    listed = listed_names(names("alloy=Ada").shown(SPEAKERS))
    assert [name for name, _ in listed] == ["Ana Florence", ADA.id, "alloy", "echo", "Frau Müller"]
    assert dict(listed)["alloy"] == "alloy (Ada)"


@pytest.mark.parametrize("taken", ["ana florence", "Alloy", "ADA"])
def test_a_new_voice_cannot_take_a_name_that_means_another_voice(taken: str) -> None:
    with pytest.raises(InvalidField, match="already"):
        names("alloy=Ana Florence").check_new(["free", taken], ["ffffffffffffffff"], SPEAKERS)
    names().check_new(["ADA", "echo"], [ADA.id], SPEAKERS)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("alloy", "is not an alias and a voice"),
        ("=heart", "is not an alias and a voice"),
        ("alloy=", "is not an alias and a voice"),
        ("alloy=heart, ALLOY=ada", "given twice"),
        ("alloy=alloy", "circle"),
        ("a=B, b=C, c=A", "circle"),
        ("start=a, a=b, b=a", "circle"),
    ],
)
def test_aliases_that_lead_nowhere_end_the_start(text: str, says: str) -> None:
    with pytest.raises(InvalidSetting, match=says) as refusal:
        load_settings({"CHORUS_VOICE_ALIASES": text})
    assert refusal.value.param == "CHORUS_VOICE_ALIASES"


def test_the_setting_is_shown_as_it_is_written() -> None:
    text = "alloy=Ana Florence, Nova=ada"
    assert str(load_settings({"CHORUS_VOICE_ALIASES": text}).voice_aliases) == text
    assert load_settings({"CHORUS_VOICE_ALIASES": f" {text}, "}) == load_settings({"CHORUS_VOICE_ALIASES": text})
