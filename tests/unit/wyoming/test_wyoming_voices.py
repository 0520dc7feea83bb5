"""A voice's name is all that a Wyoming client sends: speaker and language come out of it again."""

import pytest
from wyoming.tts import SynthesizeVoice

from app.engine.base import Speaker
from app.wyoming.voices import Choice, choose, describe_voices
from tests.support.fake_engine import FakeEngine

LANGUAGES = ("en", "de", "zh-cn")
SPEAKERS = (
    Speaker(id="Ana Florence", name="Ana Florence", languages=("en", "zh-cn"), source="built-in"),
    Speaker(id="0a1b2c3d4e5f6071", name="Ada", languages=("de",), source="saved"),
)


def test_each_voice_that_is_listed_means_one_speaker_in_one_language() -> None:
    program = describe_voices(FakeEngine().info, SPEAKERS)
    chosen = [(voice.languages, choose(SynthesizeVoice(name=voice.name), LANGUAGES)) for voice in program.voices]
    assert chosen == [
        (["en"], Choice("Ana Florence", "en")),
        (["zh-cn"], Choice("Ana Florence", "zh-cn")),
        (["de"], Choice("0a1b2c3d4e5f6071", "de")),
    ]


def test_an_alias_is_a_voice_of_the_list_too() -> None:
    speaker = Speaker(id="0a1b", name="Ada", languages=("de",), source="saved", aliases=("nova",))
    _, nova = describe_voices(FakeEngine().info, [speaker]).voices
    assert (nova.name, nova.description) == ("de:nova", "nova (Ada)")
    assert choose(SynthesizeVoice(name=nova.name), LANGUAGES) == Choice("nova", "de")


@pytest.mark.parametrize(
    ("voice", "choice"),
    [
        (None, Choice(None, "en")),
        (SynthesizeVoice(), Choice(None, "en")),
        (SynthesizeVoice(language="de"), Choice(None, "de")),
        (SynthesizeVoice(name="de:harald"), Choice("harald", "de")),
        (SynthesizeVoice(name="A: the first"), Choice("A: the first", "en")),
    ],
)
def test_what_is_not_said_is_english_and_the_first_speaker(voice: SynthesizeVoice | None, choice: Choice) -> None:
    assert choose(voice, LANGUAGES) == choice


def test_a_language_of_a_fine_tune_is_a_voice_of_its_own() -> None:
    speaker = Speaker(id="reference", name="Reference", languages=("vi",), source="built-in")
    program = describe_voices(FakeEngine().info, [speaker])
    assert [(voice.name, voice.languages) for voice in program.voices] == [("vi:reference", ["vi"])]
    assert choose(SynthesizeVoice(name="vi:reference"), ("vi",)) == Choice("reference", "vi")
    assert choose(None, ("vi",)) == Choice(None, "vi")
