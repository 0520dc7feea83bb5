"""`python -m tests.bench.functions`: the functions of app/ that one `POST /tts` runs.

They are counted from the first byte of the request to the closing of its answer, on an open connection. A server with
the embedded engine and default settings speaks one streamed sentence of four words, after a first one
that fills every cache. A profiler in each thread notes the code that is entered. Comprehensions and generator
expressions are part of the function around them; a property, a nested function and a lambda count as functions.
"""

import sys
import tempfile
import threading
from collections import defaultdict
from pathlib import Path
from types import CodeType, FrameType

from app.settings import Settings
from tests.support.server import serve

APP = Path(__file__).parents[2] / "app"
BODY = {"text": "Good morning to you.", "stream": True}
PARTS_OF_FUNCTIONS = ("<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>", "<module>")
CLOSING_S = 0.5
"""Time that the server has to close the answer after its last byte."""


class Recorder:
    """Notes the code objects that threads enter while `is_on`; for threads that are started after `install`."""

    def __init__(self) -> None:
        self.is_on = False
        self.entered: set[CodeType] = set()

    def install(self) -> None:
        threading.setprofile(self._on_event)

    def functions(self) -> dict[str, list[str]]:
        """Qualified names by file, relative to app/."""
        found: dict[str, list[str]] = defaultdict(list)
        for code in self.entered:
            path = Path(code.co_filename)
            if path.is_relative_to(APP) and code.co_name not in PARTS_OF_FUNCTIONS:
                found[str(path.relative_to(APP))].append(code.co_qualname)
        return {path: sorted(names) for path, names in sorted(found.items())}

    def _on_event(self, frame: FrameType, event: str, _: object) -> None:
        if event == "call" and self.is_on:
            self.entered.add(frame.f_code)


def main() -> None:
    recorder = Recorder()
    recorder.install()
    with (
        tempfile.TemporaryDirectory() as data,
        serve(Settings(data=Path(data), engine="embedded")) as server,
        server.client() as client,
    ):
        client.post("/tts", json=BODY).raise_for_status()
        threading.Event().wait(CLOSING_S)
        recorder.is_on = True
        client.post("/tts", json=BODY).raise_for_status()
        threading.Event().wait(CLOSING_S)
        recorder.is_on = False
    functions = recorder.functions()
    for path, names in functions.items():
        print(f"{len(names):4}  {path}: {', '.join(names)}")
    print(f"{sum(map(len, functions.values()))} functions in {len(functions)} files, Python {sys.version.split()[0]}")


if __name__ == "__main__":
    main()
