"""`python -m tests.bench.dialects`: ElevenLabs' sockets beside `/ws/tts`, and a dialogue beside one text.

Prints medians on a server with the embedded voice, or with `--xtts` on a tiny checkpoint with random weights: seconds
to the first audio of each socket, seconds from the end of a context to its last audio message, and seconds of ten turns
beside the same text in one piece. Two voices of the tiny checkpoint speak one text in different times, so there compare
seconds of computing for a second of audio.
"""

import statistics
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import click

from app.settings import Settings
from tests.support.elevenlabs import StreamCaller, dialogue_caller, lines, stream_caller
from tests.support.live import live_caller
from tests.support.server import RunningServer, serve

SENTENCE = "The old grey house stood by the sea, and nothing more was said about it. "
NUM_TURNS = 10

Measure = Callable[[], dict[str, float]]


def first_of_ws_tts(server: RunningServer) -> float:
    with live_caller(server) as caller:
        caller.say("start", seed=1)
        caller.until("started")
        began_s = time.perf_counter()
        caller.say("text", text=SENTENCE)
        caller.say("flush")
        while not isinstance(caller.next(), bytes):
            pass
        return time.perf_counter() - began_s


def first_of_context(server: RunningServer, voice: str) -> float:
    with stream_caller(server, voice=voice) as caller:
        caller.say(" ", "turn")
        began_s = time.perf_counter()
        caller.say(SENTENCE, "turn", flush=True)
        return _until_audio(caller) - began_s


def first_of_dialogue(server: RunningServer, voice: str) -> float:
    with dialogue_caller(server) as caller:
        caller.say(context="turn", voices=[voice])
        began_s = time.perf_counter()
        caller.say(context="turn", inputs=lines((voice, SENTENCE)), flush=True)
        return _until_audio(caller) - began_s


def _until_audio(caller: StreamCaller) -> float:
    while not caller.audio["turn"]:
        caller.next()
    return time.perf_counter()


def until_silence(server: RunningServer, voice: str) -> float:
    with stream_caller(server, voice=voice) as caller:
        caller.say(SENTENCE * 20, "turn")
        began_s = last_s = _until_audio(caller)
        caller.say(None, "turn", close_context=True)
        while not (message := caller.next()).get("isFinal"):
            last_s = time.perf_counter() if message.get("audio") else last_s
        return last_s - began_s


def whole(server: RunningServer, name: str, body: dict[str, object]) -> Measure:
    def ask() -> dict[str, float]:
        with server.client(timeout=300.0) as client:
            began_s = time.perf_counter()
            answer = client.post("/tts", json={"seed": 1} | body).raise_for_status()
            took_s = time.perf_counter() - began_s
        return {name: took_s, f"{name}, of a second": took_s / float(answer.headers["X-Audio-Seconds"])}

    return ask


def measures(server: RunningServer) -> list[Measure]:
    with server.client() as client:
        voices = [speaker["id"] for speaker in client.get("/speakers").json()["speakers"]][:2]
    turns = [{"text": SENTENCE, "speaker_id": voices[at % len(voices)]} for at in range(NUM_TURNS)]
    return [
        lambda: {"first audio of /ws/tts": first_of_ws_tts(server)},
        lambda: {"first audio of a context": first_of_context(server, voices[0])},
        lambda: {"first audio of a dialogue": first_of_dialogue(server, voices[0])},
        lambda: {"last audio behind close_context": until_silence(server, voices[0])},
        whole(server, "ten sentences as one text", {"text": SENTENCE * NUM_TURNS}),
        whole(server, f"ten turns of {len(voices)} voices", {"turns": turns}),
    ]


@click.command()
@click.option("--rounds", default=9, help="Times that each is measured, in turns.")
@click.option("--xtts", is_flag=True, help="Speak with a tiny XTTS checkpoint.")
def main(rounds: int, xtts: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(engine="embedded", data=Path(folder), asr_model="off")
        if xtts:
            settings = Settings(engine="xtts", model=str(_tiny(Path(folder))), data=Path(folder), asr_model="off")
        took: dict[str, list[float]] = {}
        with serve(settings) as server:
            tries = measures(server)
            for each in tries:
                each()
            for _ in range(rounds):
                for each in tries:
                    for name, seconds in each().items():
                        took.setdefault(name, []).append(seconds)
    for name, seconds in took.items():
        print(f"{name:40} {statistics.median(seconds):7.3f} s, at most {max(seconds):.3f}")


def _tiny(folder: Path) -> Path:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the TTS package and what it imports deprecate each other
        from tests.support.tiny_xtts import write_checkpoint

        (folder / "model").mkdir()
        return write_checkpoint(folder / "model")


if __name__ == "__main__":
    main()
