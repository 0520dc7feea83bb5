"""The XTTS engine in a container, on the tiny checkpoint: speech, cloning, and what outlives the container."""

from pathlib import Path

from tests.support.container import container, output, server
from tests.support.container_xtts import TEXT, save_voice, say, with_checkpoint
from tests.support.hub import running_hub
from tests.support.recordings import voice_like, wav
from tests.support.samples import sample_bytes


def test_a_saved_voice_outlives_its_container(image: str, checkpoint: Path, volume: str) -> None:
    with server(image, volume=volume, **with_checkpoint(checkpoint)) as first:
        assert first.get("/health")["engine"] == "xtts"
        say(first)
        with first.client() as client:
            files = {"reference_audio": ("ada.wav", wav(voice_like(3)))}
            cloned = sample_bytes(client.post("/voice-clone", data={"text": TEXT, "seed": "1"}, files=files).content)
        id = save_voice(first)
        spoken = say(first, speaker_id=id)
        assert spoken == cloned
    with server(image, volume=volume, **with_checkpoint(checkpoint)) as second:
        saved = [speaker for speaker in second.get("/speakers")["speakers"] if speaker["source"] == "saved"]
        assert [speaker["id"] for speaker in saved] == [id]
        assert say(second, speaker_id=id) == spoken


def test_languages_with_libraries_of_their_own_are_spoken(image: str, checkpoint: Path) -> None:
    """The image lacks the packages of docker/unused.txt."""
    texts = {
        "zh-cn": "你好，世界。",
        "ja": "こんにちは。",
        "ko": "안녕하세요.",
        "hi": "नमस्ते, आप कैसे हैं 3।",
        "de": "Guten Tag 3.",
    }
    with server(image, **with_checkpoint(checkpoint)) as running:
        for language, text in texts.items():
            say(running, text=text, language=language)


def test_weights_are_fetched_once_the_licence_is_accepted_and_then_serve(
    image: str, checkpoint: Path, volume: str
) -> None:
    with running_hub(checkpoint) as hub:
        # The host's network, because the hub of the test listens on the host's loopback.
        fetching = {"volume": volume, "network_mode": "host"}
        environ = {"HF_ENDPOINT": hub.url, "HF_HUB_DISABLE_XET": "1"}
        with container(image, "download", environ=environ, **fetching) as refused:
            status, log = refused.ended()
            assert status == 1
            assert "CHORUS_ACCEPT_CPML=1" in log
            assert "Traceback" not in log
        log = output(image, "download", environ=environ | {"CHORUS_ACCEPT_CPML": "1"}, **fetching)
        assert "coqui/XTTS-v2 is in /data/models/xtts_v2/" in log
        num_sent = len(hub.sent)
        assert "already" in output(image, "download", environ=environ | {"CHORUS_ACCEPT_CPML": "1"}, **fetching)
        assert len(hub.sent) == num_sent
    with server(image, volume=volume) as running:
        assert running.get("/health")["model"].startswith("coqui/XTTS-v2")
        say(running)
