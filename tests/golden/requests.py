"""The requests of the corpus, by name. The order matters where a saved voice is made and used."""

import base64
from collections.abc import Iterator
from typing import Any

from tests.golden.recordings import encoded, voice

TEXTS = {
    "short": "Hello there.",
    "two": "The morning was bright and clear. Nobody had opened the door for years.",
    "long": "The old grey house stood by the sea. Nothing more was said about it. The fox went home! " * 5,
    "paragraphs": "One man went out of the house.\n\nTwo men came in again.\n\n\nIt was late.",
    "quotes": "“Come in,” she said... He did not; he stayed outside — in the rain!",
    "numbers": "It was 7 o'clock on 3 March, and 25 people paid 12 euros each.",
    "lost": "Hello 世界, and goodbye 😀 to you.",
}
LANGUAGES = {
    "es": "El viento movía las hojas del viejo árbol.", "fr": "Le vent remuait les feuilles du vieil arbre.",
    "de": "Der Wind bewegte die Blätter des alten Baumes.", "it": "Il vento muoveva le foglie del vecchio albero.",
    "pt": "O vento movia as folhas da velha árvore.", "pl": "Wiatr poruszał liśćmi starego drzewa.",
    "tr": "Rüzgar yaşlı ağacın yapraklarını salladı.", "ru": "Ветер шевелил листья старого дерева.",
    "nl": "De wind bewoog de bladeren van de oude boom.", "cs": "Vítr hýbal listím starého stromu.",
    "ar": "حركت الريح أوراق الشجرة القديمة.",
    "zh": "风吹动了老树的叶子。", "hu": "A szél mozgatta az öreg fa leveleit.",
    "ko": "바람이 늙은 나무의 잎을 흔들었다.", "ja": "風が古い木の葉を揺らした。",
    "hi": "हवा ने पुराने पेड़ की पत्तियाँ हिलाईं।",
}  # fmt: skip
FORMATS = ("wav", "pcm", "mp3", "opus", "aac", "flac")
UNSEEDED = frozenset(["tts_stream"])
"""Requests that take no seed: their samples differ at each run."""
Request = tuple[str, str, str, dict[str, Any]]
"""Name, method, path, and options of httpx."""


def requests(engine: str) -> Iterator[Request]:
    """For the engine `embedded` or `xtts`."""
    yield from _speaking()
    yield from _refused()
    if engine == "xtts":
        yield from _sampling()
        for code, text in LANGUAGES.items():
            yield f"language {code}", "POST", "/tts", {"json": {"text": text, "language": code, "seed": 3}}
    yield from _cloning()
    yield from _dialects()
    yield from _lists()


def _speaking() -> Iterator[Request]:
    for name, text in TEXTS.items():
        for stream in (False, True):
            body = {"text": text, "seed": 7, "stream": stream}
            yield f"tts {name} {'streamed' if stream else 'whole'}", "POST", "/tts", {"json": body}
    for format in FORMATS:
        for stream in (False, True):
            body = {"text": TEXTS["two"], "seed": 1, "format": format, "stream": stream}
            yield f"tts {format} {'streamed' if stream else 'whole'}", "POST", "/tts", {"json": body}
    for speed in (0.5, 0.8, 1.3, 2.0):
        yield f"speed {speed}", "POST", "/tts", {"json": {"text": TEXTS["two"], "seed": 2, "speed": speed}}
    for stream in (False, True):
        body = {"text": TEXTS["paragraphs"], "seed": 4, "timestamps": "segment", "stream": stream}
        yield f"timestamps {'streamed' if stream else 'whole'}", "POST", "/tts", {"json": body}


def _sampling() -> Iterator[Request]:
    for field, values in {
        "temperature": (0.1, 1.4), "top_k": (1, 5), "top_p": (0.2, 1.0), "repetition_penalty": (1.0, 12.0),
    }.items():  # fmt: skip
        for value in values:
            yield f"{field} {value}", "POST", "/tts", {"json": {"text": TEXTS["two"], "seed": 5, field: value}}
    for speaker in ("Ada Tiny", "Björn Small", "björn small"):
        yield f"speaker {speaker}", "POST", "/tts", {"json": {"text": TEXTS["short"], "seed": 6, "speaker_id": speaker}}


def _refused() -> Iterator[Request]:
    bodies: dict[str, Any] = {
        "no text": {}, "empty text": {"text": ""}, "blank text": {"text": " \n "}, "only emoji": {"text": "😀🎉"},
        "unknown field": {"text": "hi", "volume": 1}, "text too long": {"text": "word " * 500},
        "unknown language": {"text": "hi", "language": "sv"}, "unknown speaker": {"text": "hi", "speaker_id": "nobody"},
        "speed too high": {"text": "hi", "speed": 9}, "format unknown": {"text": "hi", "format": "midi"},
        "seed of text": {"text": "hi", "seed": "x"}, "temperature 0": {"text": "hi", "temperature": 0}, "a list": [1],
    }  # fmt: skip
    for name, body in bodies.items():
        yield f"refused: {name}", "POST", "/tts", {"json": body}
    headers = {"Content-Type": "application/json"}
    yield "refused: no JSON", "POST", "/tts", {"content": b"{", "headers": headers}
    yield "refused: wrong method", "DELETE", "/tts", {}
    yield "refused: unknown path", "GET", "/nothing", {}
    yield "refused: page of another site", "POST", "/tts", {
        "json": {"text": "hi"}, "headers": {"Origin": "https://example.com"},
    }  # fmt: skip


def _cloning() -> Iterator[Request]:
    wav, flac = encoded(voice()), encoded(voice(5, seed=1), "FLAC")
    fields = {"text": TEXTS["two"], "seed": "8"}
    for name, data in {"wav": wav, "flac": flac, "no audio": b"not audio", "silence": encoded(voice() * 0)}.items():
        files = [("reference_audio", (f"{name}.wav", data))]
        yield f"clone {name}", "POST", "/voice-clone", {"data": fields, "files": files}
        yield f"check {name}", "POST", "/voices/check", {"files": files}
    both = [("reference_audio", ("a.wav", wav)), ("reference_audio", ("b.flac", flac))]
    yield "clone two streamed", "POST", "/voice-clone", {"data": fields | {"stream": "true"}, "files": both}
    in_json = {"text": TEXTS["short"], "seed": 8, "reference_audio": [base64.b64encode(wav).decode()]}
    yield "clone JSON", "POST", "/voice-clone", {"json": in_json}
    save = {"data": {"name": "Golden", "consent": "I recorded this voice myself."}, "files": both[:1]}
    yield "save", "POST", "/voices", save
    yield "save again", "POST", "/voices", save
    yield "save without consent", "POST", "/voices", {"data": {"name": "Golden"}, "files": both[:1]}
    yield "saved voices", "GET", "/voices", {}
    yield "voice unknown", "GET", "/voices/0123456789abcdef", {}
    yield (
        "speak in the saved voice",
        "POST",
        "/tts",
        {"json": {"text": TEXTS["two"], "seed": 9, "speaker_id": "{saved}"}},
    )
    yield "stream the saved voice", "POST", "/tts", {
        "json": {"text": TEXTS["two"], "seed": 9, "speaker_id": "{saved}", "stream": True},
    }  # fmt: skip
    yield "delete the saved voice", "DELETE", "/voices/{saved}", {}
    yield "delete it again", "DELETE", "/voices/{saved}", {}


def _dialects() -> Iterator[Request]:
    openai = {"model": "tts-1", "voice": "alloy", "input": TEXTS["two"], "seed": 10}
    for format in FORMATS:
        yield f"openai {format}", "POST", "/v1/audio/speech", {"json": openai | {"response_format": format}}
    yield "openai events", "POST", "/v1/audio/speech", {"json": openai | {"stream_format": "sse"}}
    yield "openai unknown model", "POST", "/v1/audio/speech", {"json": openai | {"model": "gpt-9"}}
    yield "openai unknown field", "POST", "/v1/audio/speech", {"json": openai | {"mood": "merry"}}
    yield "openai fast", "POST", "/v1/audio/speech", {"json": openai | {"speed": 4.0}}
    for path in ("/tts_to_audio/", "/sillytavern/tts_to_audio/"):
        yield (
            f"sillytavern {path}",
            "POST",
            path,
            {"json": {"text": TEXTS["two"], "speaker_wav": "", "language": "en", "seed": 11}},
        )
    yield "tts_stream", "GET", "/tts_stream", {"params": {"text": TEXTS["two"], "language": "en"}}


def _lists() -> Iterator[Request]:
    for path in (
        "/speakers", "/v1/models", "/v1/models/tts-1", "/v1/audio/models", "/v1/audio/voices", "/languages",
        "/speakers_list", "/sillytavern/speakers", "/health/live", "/health/ready",
    ):  # fmt: skip
        yield f"list {path}", "GET", path, {}
