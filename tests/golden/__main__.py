"""Record or compare the corpus; see the package's docstring."""

import argparse
import asyncio
import json
import tempfile
from pathlib import Path
from typing import Any

import httpx

from tests.golden.answers import summary
from tests.golden.requests import TEXTS, UNSEEDED, requests
from tests.golden.servers import Server, running, write_checkpoint
from tests.golden.sockets import SCRIPTS, conversation, wyoming, wyoming_info


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("action", choices=("record", "compare"))
    parser.add_argument("folder", type=Path, help="where the corpus and its checkpoint lie")
    arguments = parser.parse_args()
    folder: Path = arguments.folder
    folder.mkdir(parents=True, exist_ok=True)
    answers = speak_corpus(write_checkpoint(folder / "checkpoint"))
    corpus = folder / "corpus.json"
    if arguments.action == "record":
        corpus.write_text(json.dumps(answers, indent=1, ensure_ascii=False, sort_keys=True))
        print(f"{len(answers)} answers recorded in {corpus}")
        return
    changed = differences(json.loads(corpus.read_text()), json.loads(json.dumps(answers)))
    for name, before, after in changed:
        print(f"{name}\n  before {before}\n  after  {after}")
    print(f"{len(answers)} answers, {len(changed)} differences")
    raise SystemExit(1 if changed else 0)


def speak_corpus(checkpoint: Path) -> dict[str, Any]:
    """Name -> what was answered, from both engines."""
    engines = {
        "embedded": {"CHORUS_ENGINE": "embedded"},
        "xtts": {"CHORUS_ENGINE": "xtts", "CHORUS_MODEL": str(checkpoint), "CHORUS_DEVICE": "cpu"},
    }
    answers: dict[str, Any] = {}
    for name, environ in engines.items():
        with tempfile.TemporaryDirectory() as data, running(name, Path(data) / "data", **environ) as server:
            answers |= {f"{name}: {request}": answer for request, answer in speak(server).items()}
    return answers


def speak(server: Server) -> dict[str, Any]:
    """Every request of the corpus, one after the other: the codes of one must not depend on another's timing."""
    answers: dict[str, Any] = {}
    saved = "none"
    with httpx.Client(base_url=server.url, timeout=120) as client:
        for name, method, path, options in requests(server.name):
            if body := options.get("json"):
                options |= {"json": json.loads(json.dumps(body).replace("{saved}", saved))}
            response = client.request(method, path.replace("{saved}", saved), **options)
            answers[name] = summary(response, is_seeded=name not in UNSEEDED)
            if name == "save" and response.is_success:
                saved = response.json()["id"]
    for name, script in SCRIPTS.items():
        answers[f"socket {name}"] = conversation(server, script)
    for name in ("short", "two"):
        answers[f"wyoming {name}"] = asyncio.run(wyoming(server, TEXTS[name]))
    answers["wyoming info"] = asyncio.run(wyoming_info(server))
    return answers


def differences(before: dict[str, Any], after: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Name and both answers where they differ, shortened to the fields that do."""
    changed: list[tuple[str, str, str]] = []
    for name in dict.fromkeys((*before, *after)):
        old, new = before.get(name, {}), after.get(name, {})
        fields = [field for field in dict.fromkeys((*old, *new)) if old.get(field) != new.get(field)]
        if fields:
            shown = ({field: answer.get(field) for field in fields} for answer in (old, new))
            changed.append((name, *(json.dumps(answer, ensure_ascii=False)[:600] for answer in shown)))
    return changed


if __name__ == "__main__":
    main()
