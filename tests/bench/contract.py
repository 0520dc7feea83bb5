"""`python -m tests.bench.contract`: is the OpenAPI document true? Schemathesis asks a real server, for each route.

It makes requests that the document allows and requests that it forbids, and checks that every answer is documented:
status, content type, headers, body. The command line of schemathesis is what its users run, so it is run here too.
"""

import json
import subprocess
import sys
import tempfile
from collections import Counter
from itertools import chain
from pathlib import Path

import click
import httpx
import msgspec

from app.settings import Settings
from tests.support.server import serve

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "positive_data_acceptance",
    "negative_data_rejection",
    "unsupported_method",
    "allow_header_conformance",
)
MAX_TEXT_CHARS = 300  # what is spoken is spoken for real: random texts may be long
CONFIG = """
[checks]
# A text without sound, or a recording of nothing, is well-formed all the same.
positive_data_acceptance.expected-statuses = ["2xx", "404", "409", "413", "415", "422", "501", "503"]
# 413 before 400: a body that is too large is not looked at.
negative_data_rejection.expected-statuses = ["400", "404", "405", "413", "415", "422", "501", "503"]
# Answers too: this engine cannot clone, and a server may be full.
not_a_server_error.expected-statuses = ["2xx", "4xx", "501", "503"]

# Both handles must be of one voice.
[[operations]]
include-path-regex = "/tts_stream$"
include-method = "POST"
checks.positive_data_acceptance.expected-statuses = ["2xx", "400", "404", "409", "413", "415", "422", "501", "503"]

# Parameters that the dialect does not know are taken and named in X-Chorus-Warnings.
[[operations]]
include-path-regex = "/tts_stream$|/v2/voices$|/api/tts$|/process$|/text-to-speech/"
generation.allow-extra-parameters = false

# A rule between fields: `voice` and `speaker_id` name one voice.
[[operations]]
include-path-regex = "/api/tts$"
checks.positive_data_acceptance.expected-statuses = ["2xx", "400", "404", "409", "413", "415", "422", "501", "503"]

# Rules between fields: a recording and its task. Forms: null is the text "null", and a list is a field sent twice.
[[operations]]
include-path-regex = "/v1/audio/(speech|speech/upload|voices|voice_consents)$"
generation.allow-extra-parameters = false
checks.positive_data_acceptance.expected-statuses = ["2xx", "400", "404", "409", "413", "415", "422", "501", "503"]

# Rules between fields, which the document states in words: times of words need verbose_json, stream needs json or text.
[[operations]]
include-path-regex = "/v1/audio/transcriptions$"
checks.positive_data_acceptance.expected-statuses = ["2xx", "400", "404", "413", "415", "422", "501", "503"]
"""


class Result(msgspec.Struct):
    """`answers`: how often each (operation, status) came. `report`: schemathesis's own words."""

    answers: Counter[tuple[str, int]]
    passed: bool
    report: str


def check_contract(url: str, *, total: int, seed: int) -> Result:
    """Make about `total` requests of the server at `url`: fixed ones at the edges of the document, the rest random."""
    document = f"{url}/docs/openapi.json"
    paths = httpx.get(document).json()["paths"].values()
    operations = [operation for path in paths for operation in path.values()]
    num_with_input = sum("requestBody" in operation or "parameters" in operation for operation in operations)
    with tempfile.TemporaryDirectory() as folder:
        config, events = Path(folder, "schemathesis.toml"), Path(folder, "events.ndjson")
        config.write_text(CONFIG)
        options = {
            "--phases": "examples,coverage,fuzzing",
            "--checks": ",".join(CHECKS),
            "--max-examples": str(max(1, total // num_with_input)),
            "--seed": str(seed),
            "--generation-database": "none",
            "--report": "ndjson",
            "--report-ndjson-path": str(events),
        }
        command = Path(sys.executable).with_name("schemathesis")
        done = subprocess.run(
            [command, "--config-file", config, "run", document, "--continue-on-failure", *chain(*options.items())],
            cwd=folder,
            capture_output=True,
            text=True,
        )
        answers = count_answers(events) if events.exists() else Counter[tuple[str, int]]()
    return Result(answers=answers, passed=done.returncode == 0, report=done.stdout + done.stderr)


def count_answers(events: Path) -> Counter[tuple[str, int]]:
    """From the report that has one JSON object a line. An operation is its label, such as `POST /tts`."""
    answers: Counter[tuple[str, int]] = Counter()
    for line in events.read_text().splitlines():
        recorder = json.loads(line).get("ScenarioFinished", {}).get("recorder", {})
        for interaction in recorder.get("interactions", {}).values():
            if response := interaction.get("response"):
                answers[recorder["label"], response["status_code"]] += 1
    return answers


def settings_for(data: Path) -> Settings:
    """Settings of a server whose answers do not depend on how many requests came before."""
    return Settings(
        engine="embedded", data=data, max_text_chars=MAX_TEXT_CHARS, max_book_chars=MAX_TEXT_CHARS, max_jobs=10_000
    )


@click.command()
@click.option("--examples", default=5000, help="Requests to make, in all; a few more or less come of it.")
@click.option("--seed", default=1, help="Another seed makes other requests.")
def main(examples: int, seed: int) -> None:
    """Ask every route of a server with the embedded voice."""
    with (
        tempfile.TemporaryDirectory() as data,
        serve(settings_for(Path(data))) as server,
    ):
        result = check_contract(server.url, total=examples, seed=seed)
    for (operation, status), count in sorted(result.answers.items()):
        print(f"{operation:32} {status} {count:6}")
    print(f"{result.answers.total()} requests, seed {seed}: {'the document is true' if result.passed else 'FAULTS'}")
    if not result.passed:
        print(result.report)
        sys.exit(1)


if __name__ == "__main__":
    main()
