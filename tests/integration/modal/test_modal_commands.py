import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.settings import ApiKeys, Settings
from modal_deploy.commands import print_cost, run_load_test, run_smoke
from modal_deploy.cost import Rate
from modal_deploy.deployment import Deployment
from modal_deploy.load import Result, run_load, summarise
from modal_deploy.probe import TEXT, open_client, probe
from tests.support.fake_engine import FakeEngine
from tests.support.fake_recognizer import FakeRecognizer, segment
from tests.support.server import RunningServer, serve

DEPLOYMENT = Deployment(image=f"ghcr.io/example/chorus@sha256:{'0' * 64}")


@pytest.fixture(scope="module")
def guarded_xtts(tiny_checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    data = tmp_path_factory.mktemp("data")
    # Random weights say no word that a recogniser could hear.
    settings = Settings(
        engine="xtts", model=str(tiny_checkpoint), data=data, api_keys=ApiKeys("the-key"), asr_model="off"
    )
    with serve(settings) as server:
        yield server


def test_a_server_that_keeps_its_promises_passes(
    guarded_xtts: RunningServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CHORUS_API_KEYS", "the-key, another")
    run_smoke(guarded_xtts.url)
    shown = capsys.readouterr().out
    assert "FAILED" not in shown
    for check in (
        "health",
        "a key is needed",
        "speakers",
        "tts",
        "the same seed",
        "stream",
        "clone",
        "transcribe",
        "errors",
    ):
        assert check in shown


def test_one_that_does_not_fails_by_name(
    embedded_server: RunningServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("CHORUS_API_KEYS", raising=False)
    with pytest.raises(SystemExit, match="1 of the checks failed"):
        run_smoke(embedded_server.url)
    failed = [line for line in capsys.readouterr().out.splitlines() if "FAILED" in line]
    assert len(failed) == 1
    assert "a key is needed: 200 instead of 401" in failed[0]


def test_without_the_key_nothing_but_health_passes(guarded_xtts: RunningServer) -> None:
    with open_client(guarded_xtts.url, None) as client:
        passed = {check.name for check in probe(client) if check.passed}
    assert passed == {"health", "a key is needed"}


def test_a_server_that_is_not_there_fails_every_check() -> None:
    with open_client("http://127.0.0.1:1", None) as client:
        assert [check.passed for check in probe(client)] == [False] * 9


def test_the_load_test_tells_what_each_caller_got(
    embedded_server: RunningServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CHORUS_API_KEYS", "")
    run_load_test(embedded_server.url, requests=20)
    shown = capsys.readouterr().out
    assert "20 of 20" in shown
    assert "statuses: 20 x 200" in shown
    assert "containers seen: 1, of which 0 started during the test" in shown
    for row in ("queue in the server", "first audio", "whole answer", "real-time factor"):
        assert row in shown


HEARD = TEXT.replace(".", "").split()


@pytest.mark.parametrize(
    ("words", "passed", "says"),
    [
        (HEARD, True, "fake-whisper hears 42 of 42 words"),
        (HEARD[:8], False, "7 of 42 words are heard"),
        ([], False, "0 of"),
    ],
)
def test_a_recogniser_must_hear_what_the_server_has_spoken(
    tmp_path: Path, words: list[str], passed: bool, says: str
) -> None:
    recognizer = FakeRecognizer([segment(0, " ".join(words), 0.0, 9.0)])
    with (
        serve(Settings(data=tmp_path), FakeEngine, make_recognizer=lambda: recognizer) as server,
        open_client(server.url, None) as client,
    ):
        (check,) = [check for check in probe(client) if check.name == "transcribe"]
    assert (check.passed, says in check.detail) == (passed, True), check.detail


def test_the_load_test_sends_recordings_too_and_fails_where_one_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CHORUS_API_KEYS", "")
    with serve(Settings(data=tmp_path), FakeEngine, make_recognizer=FakeRecognizer) as server:
        run_load_test(server.url, requests=1, recordings=3)
    shown = capsys.readouterr().out
    assert "3 recordings at once" in shown
    assert "statuses: 3 x 200" in shown
    with serve(Settings(data=tmp_path), FakeEngine) as server, pytest.raises(SystemExit, match="no text"):
        run_load_test(server.url, requests=1, recordings=3)
    assert "statuses: 3 x 501" in capsys.readouterr().out


def test_refused_callers_are_counted_and_fail_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serve(Settings(data=tmp_path, api_keys=ApiKeys("the-key")), FakeEngine) as server:
        results = asyncio.run(run_load(server.url, "the-key", requests=8))
        assert {result.status for result in results} == {"200", "503"}
        monkeypatch.setenv("CHORUS_API_KEYS", "wrong")
        with pytest.raises(SystemExit, match="some requests got no speech or no text"):
            run_load_test(server.url, requests=2)


def test_servers_that_start_during_the_test_are_cold_starts() -> None:
    began = time.time()
    instances = (f"{int(began) - 60}-aa", f"{int(began) - 60}-aa", f"{int(began) + 9}-bb", None)
    results = [Result(status="200", first_audio_s=1.0, total_s=2.0, audio_s=4.0, instance=id) for id in instances]
    summary = summarise(results, began_at_unix_s=began)
    assert (summary.containers, summary.cold_starts, summary.has_failures) == (2, 1, False)
    assert ("real-time factor", 0.5, 0.5, 0.5) in summary.rows


def test_the_cost_follows_the_formula(capsys: pytest.CaptureFixture[str]) -> None:
    rate = Rate(gpu="T4", cores=2, memory_gib=8)
    assert rate.per_s == pytest.approx(0.000164 + 2 * 0.0000131 + 8 * 0.00000222)
    # A million characters are 66,667 s of speech, 13,333 s of machine at 0.2, 26,667 s paid at 50 %.
    assert rate.per_million_chars(0.2, 0.5) == pytest.approx(26_667 * rate.per_s, rel=1e-4)
    assert rate.per_hour_transcribed(0.2, 0.5) == pytest.approx(1440 * rate.per_s)
    print_cost(DEPLOYMENT, real_time_factor=0.2, asr_real_time_factor=0.1)
    shown = capsys.readouterr().out
    assert "$5.55" in shown
    assert "$0.15" in shown
    assert "0.3 " not in shown


def test_a_gpu_without_a_known_price_is_told() -> None:
    with pytest.raises(SystemExit, match="no price is known here for H900"):
        print_cost(Deployment(image=DEPLOYMENT.image, gpu="H900"), real_time_factor=0)
