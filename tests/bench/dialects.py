"""`python -m tests.bench.dialects`: ElevenLabs' socket beside `/ws/tts`, and a dialogue beside one text.

Prints medians on a server with the embedded voice: seconds to the first audio of each socket, seconds from the end of
a context to its last audio message, and seconds of ten turns beside the same text in one piece.
"""

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import click

from app.settings import Settings
from tests.support.elevenlabs import stream_caller
from tests.support.live import live_caller
from tests.support.server import RunningServer, serve

SENTENCE = "The old grey house stood by the sea, and nothing more was said about it. "


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


def first_of_context(server: RunningServer) -> float:
    with stream_caller(server) as caller:
        caller.say(" ", "turn")
        began_s = time.perf_counter()
        caller.say(SENTENCE, "turn", flush=True)
        while not caller.audio["turn"]:
            caller.next()
        return time.perf_counter() - began_s


def until_silence(server: RunningServer) -> float:
    with stream_caller(server) as caller:
        caller.say(SENTENCE * 20, "turn")
        while not caller.audio["turn"]:
            caller.next()
        began_s = last_s = time.perf_counter()
        caller.say(None, "turn", close_context=True)
        while not (message := caller.next()).get("isFinal"):
            last_s = time.perf_counter() if message.get("audio") else last_s
        return last_s - began_s


def whole(body: dict[str, object]) -> Callable[[RunningServer], float]:
    def ask(server: RunningServer) -> float:
        with server.client(timeout=300.0) as client:
            began_s = time.perf_counter()
            client.post("/tts", json={"seed": 1} | body).raise_for_status()
            return time.perf_counter() - began_s

    return ask


@click.command()
@click.option("--rounds", default=9, help="Times that each is measured, in turns.")
def main(rounds: int) -> None:
    tries: dict[str, Callable[[RunningServer], float]] = {
        "first audio of /ws/tts": first_of_ws_tts,
        "first audio of a context": first_of_context,
        "last audio behind close_context": until_silence,
        "ten sentences as one text": whole({"text": SENTENCE * 10}),
        "ten sentences as ten turns": whole({"turns": [{"text": SENTENCE}] * 10}),
    }
    with (
        tempfile.TemporaryDirectory() as data,
        serve(Settings(engine="embedded", data=Path(data), asr_model="off")) as server,
    ):
        took = {name: [each(server)] for name, each in tries.items()}
        for _ in range(rounds):
            for name, each in tries.items():
                took[name].append(each(server))
    for name, seconds in took.items():
        print(f"{name:32} {statistics.median(seconds[1:]):7.3f} s, at most {max(seconds[1:]):.3f}")


if __name__ == "__main__":
    main()
