"""`chorus transcribe` in a process of its own, on the fake recogniser."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.recordings import voice_like, wav
from tests.support.transcribing import TEXT

COMMAND = """
import asyncio
import signal
from pathlib import Path

from app.cli import main
from app.cli.transcribe import choose_targets, transcribe_to_files
from app.settings import Settings
from app.transcription.request import TranscriptionOptions
from tests.support.fake_recognizer import FakeRecognizer

signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in the background of a shell

@main.command()
def transcribe():
    files = [Path("-")]
    targets, write = choose_targets(files, None, None, words=False)
    options = TranscriptionOptions()
    asyncio.run(transcribe_to_files(FakeRecognizer(), Settings(), files, targets, options, write))

main(["transcribe"])
"""
PIPE_BYTES = 4 * 2**20
"""More than a pipe holds: when all of it is written, the command reads."""


@contextmanager
def transcribing_standard_input(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    environ = os.environ | {"CHORUS_DATA": str(folder)}
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [sys.executable, "-c", COMMAND], env=environ, stdin=pipe, stdout=pipe, stderr=pipe
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def test_a_recording_on_standard_input_is_transcribed_when_it_ends(tmp_path: Path) -> None:
    with transcribing_standard_input(tmp_path) as process:
        out, err = process.communicate(wav(voice_like(1)), timeout=60)
        assert (out.decode(), process.returncode) == (f"{TEXT}\n", 0)
        assert err.decode() == "1.0 s of audio in 0.10 s\n"


def test_ctrl_c_ends_it_with_one_line_while_standard_input_is_open(tmp_path: Path) -> None:
    with transcribing_standard_input(tmp_path) as process:
        assert process.stdin is not None
        assert process.stderr is not None
        process.stdin.write(bytes(PIPE_BYTES))
        process.send_signal(signal.SIGINT)
        assert process.wait(120) == 1
        assert process.stderr.read() == b"\nAborted!\n"
