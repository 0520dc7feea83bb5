import io
import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
import soundfile

from app.engine.embedded import model_name
from app.voices.manifest import SavedVoice, VoiceModel, voice_id
from app.voices.store import VoiceStore
from tests.support.fake_engine import packed_voice
from tests.support.samples import sample_bytes


def chorus(*arguments: str, stdin: bytes = b"", **environ: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "app", *arguments],
        input=stdin,
        env=os.environ | environ,
        capture_output=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize("ending", ["wav", "mp3", "flac", "opus", "ogg"])
def test_say_writes_the_format_of_the_files_ending(tmp_path: Path, ending: str) -> None:
    ended = chorus("say", "Hello there, how are you?", "-o", str(tmp_path / f"hello.{ending}"))
    assert ended.returncode == 0, ended.stderr
    samples, rate_hz = soundfile.read(tmp_path / f"hello.{ending}")
    assert 1.0 < len(samples) / rate_hz < 4.0
    assert b"s of speech" in ended.stderr
    assert [path.name for path in tmp_path.iterdir()] == [f"hello.{ending}"]


@pytest.mark.slow
def test_say_speaks_at_the_rate_that_is_asked_for_in_the_voice_of_an_alias(tmp_path: Path) -> None:
    words = ("say", "Hello there.", "--voice", "Alloy", "--rate")
    environ = {"CHORUS_VOICE_ALIASES": "alloy=heart"}
    assert chorus(*words, "8000", "-o", str(tmp_path / "out.wav"), **environ).returncode == 0
    assert soundfile.info(tmp_path / "out.wav").samplerate == 8_000
    ended = chorus(*words, "11025", "-o", str(tmp_path / "out.opus"), **environ)
    assert ended.returncode == 1
    assert b"it has 8000, 12000, 16000, 24000, 48000" in ended.stderr


def test_say_reads_standard_input_and_writes_to_a_pipe() -> None:
    ended = chorus("say", "-o", "-", "--seed", "1", stdin=b"Hello there.")
    again = chorus("say", "Hello there.", "-o", "-", "--seed", "1")
    assert ended.stdout == again.stdout
    samples, rate_hz = soundfile.read(io.BytesIO(ended.stdout))
    assert len(samples) / rate_hz > 0.5


def test_say_reads_a_file_and_reports_progress_only_on_a_terminal(tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text("First sentence. Second sentence.")
    ended = chorus("say", "-f", str(tmp_path / "text.txt"), "-o", str(tmp_path / "out.pcm"))
    assert ended.returncode == 0
    assert (tmp_path / "out.pcm").stat().st_size > 48_000
    assert len(ended.stderr.splitlines()) == 1


def test_say_reads_the_marks_that_markup_names(tmp_path: Path) -> None:
    for markup, text in (("ssml", "<speak>Hello there.</speak>"), ("plain", "Hello there.")):
        assert (
            chorus("say", text, "--markup", markup, "--seed", "1", "-o", str(tmp_path / f"{markup}.wav")).returncode
            == 0
        )
    files = [sample_bytes((tmp_path / name).read_bytes()) for name in ("ssml.wav", "plain.wav")]
    assert files[0] == files[1]
    ended = chorus("say", "Hello there.", "--markup", "ssml", "-o", str(tmp_path / "none.wav"))
    assert ended.returncode != 0
    assert b"line 1, column 1" in ended.stderr


@pytest.mark.parametrize("ending", ["srt", "vtt", "json"])
def test_say_writes_captions_beside_the_audio(tmp_path: Path, ending: str) -> None:
    text = "First paragraph.\n\nSecond paragraph."
    ended = chorus("say", text, "-o", str(tmp_path / "out.wav"), "--captions", str(tmp_path / f"out.{ending}"))
    assert ended.returncode == 0, ended.stderr
    assert {path.name for path in tmp_path.iterdir()} == {"out.wav", f"out.{ending}"}
    written = (tmp_path / f"out.{ending}").read_text()
    seconds = soundfile.info(tmp_path / "out.wav").duration
    if ending == "json":
        segments = json.loads(written)["segments"]
        assert [segment["text"] for segment in segments] == ["First paragraph.", "Second paragraph."]
        assert segments[-1]["end_s"] == seconds
    else:
        clock = f"00:00:{seconds:06.3f}"
        assert f" --> {clock.replace('.', ',') if ending == 'srt' else clock}\nSecond paragraph." in written


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("say", "", "-o", "x.wav"), b"nothing"),
        (("say", "Hello.", "-o", "x.midi"), b"midi"),
        (("say", "Hello.", "-o", "x"), b"--format"),
        (("say", "Hello.", "-o", "/dev/null/x.wav"), b"cannot be written"),
        (("say", "Hello.", "-o", "/dev/null/x.wav", "--captions", "x.srt"), b"cannot be written"),
        (("say", "Hello.", "-o", "x.wav", "--captions", "/dev/null/x.srt"), b"/dev/null/x.srt cannot be written"),
        (("say", "Hello.", "-o", "x.wav", "--captions", "x.txt"), b"known are .srt, .vtt, .json"),
        (("say", "", "-o", "x.wav", "--captions", "x.srt"), b"nothing"),
        (("say", "Hello.", "-o", "x.wav", "--voice", "hart"), b"heart"),
        (("say", "Hello.", "-o", "x.wav", "--language", "fr"), b"XTTS"),
    ],
)
def test_say_fails_with_one_line_and_leaves_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], says: bytes
) -> None:
    monkeypatch.chdir(tmp_path)
    ended = chorus(*arguments, PYTHONPATH=str(Path(__file__).parents[3]))
    assert ended.returncode == 1
    assert says in ended.stderr
    assert b"Traceback" not in ended.stderr
    assert not list(tmp_path.iterdir())


def test_say_names_a_file_that_is_not_text(tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").write_bytes(b"\xff\xd8\xff" * 100)
    ended = chorus("say", "-f", str(tmp_path / "photo.jpg"), "-o", str(tmp_path / "out.wav"))
    assert (ended.returncode, b"not UTF-8" in ended.stderr) == (1, True)
    assert len(ended.stderr.splitlines()) == 1


def test_voices_lists_the_embedded_voice_and_no_other() -> None:
    ended = chorus("voices")
    assert b"heart" in ended.stdout
    assert b"fenrir" not in ended.stdout


def test_voices_lists_the_saved_voices_of_this_model_and_of_no_other(tmp_path: Path) -> None:
    for number, (name, model) in enumerate({"Ada": model_name(), "Bea": "another model"}.items()):
        voice = SavedVoice(
            id=voice_id(model, [f"{number}" * 64]),
            name=name,
            model=model,
            created_at=datetime.now(UTC),
            consent="This is my own voice.",
            recordings=(f"{number}" * 64,),
        )
        VoiceStore(tmp_path, VoiceModel(model), max_voices=2).save(voice, packed_voice(b"x"))
    ended = chorus("voices", CHORUS_ENGINE="embedded", CHORUS_DATA=str(tmp_path), COLUMNS="200")
    assert b"Ada" in ended.stdout
    assert voice_id(model_name(), ["0" * 64]).encode() in ended.stdout
    assert b"Bea" not in ended.stdout


def test_voices_lists_deleted_voices_with_their_consent_and_obeys_none_of_it(tmp_path: Path) -> None:
    nothing = chorus("voices", "--deleted", CHORUS_DATA=str(tmp_path))
    assert (nothing.returncode, nothing.stdout) == (0, b"")
    voice = SavedVoice(
        id=voice_id("m", ["0" * 64]),
        name="Ada",
        model="m",
        created_at=datetime(2026, 11, 23, tzinfo=UTC),
        consent="This is \x1b[31mmy own\nvoice, [bold]really[/bold].",
        sent_by="ada-laptop",
        stated_at=datetime(2026, 11, 23, 9, tzinfo=UTC),
        recordings=("0" * 64,),
    )
    store = VoiceStore(tmp_path, VoiceModel("m"), max_voices=2)
    store.save(voice, packed_voice(b"x"))
    store.delete(voice.id, deleted_at=datetime(2026, 11, 24, 8, 30, tzinfo=UTC), deleted_by="bea")
    ended = chorus("voices", "--deleted", CHORUS_DATA=str(tmp_path))
    assert ended.returncode == 0
    text = ended.stdout.decode()
    assert f"{voice.id}  Ada\n" in text
    assert "2026-11-24 08:30:00 UTC by bea" in text
    assert "ada-laptop" in text
    assert "  stated      2026-11-23 09:00:00 UTC\n" in text
    assert "This is  [31mmy own voice, [bold]really[/bold]." in text
    assert f"  recording   {'0' * 64}\n" in text
    assert "\x1b" not in text


def test_doctor_names_the_engine_and_why(tmp_path: Path) -> None:
    ended = chorus("doctor", CHORUS_DATA=str(tmp_path))
    assert ended.returncode == 0
    assert b"engine: embedded, because" in ended.stdout


def test_doctor_counts_the_callers(tmp_path: Path) -> None:
    assert b"everybody, without a key" in chorus("doctor", CHORUS_DATA=str(tmp_path)).stdout
    file = tmp_path / "callers.toml"
    file.write_text('[ada]\nkey = "the-key-of-ada"\n')
    ended = chorus("doctor", CHORUS_DATA=str(tmp_path), CHORUS_API_KEYS="a,b", CHORUS_API_KEYS_FILE=str(file))
    assert b"callers: 3, by API key" in ended.stdout
    assert b"the-key" not in ended.stdout


def test_doctor_finds_what_would_stop_the_server() -> None:
    ended = chorus("doctor", CHORUS_DATA="/dev/null/data")
    assert ended.returncode == 1
    assert b"PROBLEM" in ended.stdout
