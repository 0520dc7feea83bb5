"""`chorus download` from the test hub, and checks of the folder that it installs."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

from app.engine.xtts.checkpoint.files import PINNED_REVISIONS, XTTS_V2, is_installed
from tests.support.hub import Hub

REVISION = PINNED_REVISIONS[XTTS_V2]


def environment(hub: Hub, data: Path) -> dict[str, str]:
    return os.environ | {"HF_ENDPOINT": hub.url, "CHORUS_DATA": str(data), "HF_HUB_DISABLE_TELEMETRY": "1"}


def start(hub: Hub, data: Path, *options: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "app", "download", *options],
        env=environment(hub, data),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def download(hub: Hub, data: Path, *options: str) -> tuple[int, str]:
    """(exit status, output)"""
    process = start(hub, data, *options)
    printed, _ = process.communicate(timeout=300)
    return process.returncode, printed


def installed(data: Path) -> Path:
    return data / "models" / "xtts_v2" / REVISION


def check_installed(data: Path) -> None:
    """The folder is complete, every file has the manifest's hash, and nothing lies beside it."""
    manifest = json.loads((installed(data) / "manifest.json").read_text())
    assert manifest["revision"] == REVISION
    for name, entry in manifest["files"].items():
        content = (installed(data) / name).read_bytes()
        assert (len(content), hashlib.sha256(content).hexdigest()) == (entry["size"], entry["sha256"])
    left = {path.name for path in installed(data).parent.iterdir()} - {f".{REVISION}.lock"}
    assert left == {REVISION}
    assert is_installed(XTTS_V2, data)
