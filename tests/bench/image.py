"""`python -m tests.bench.image`: what the image weighs, how fast it is rebuilt and up, what is known of its parts."""

import json
import re
import shutil
import statistics
import subprocess
import sys
import tarfile
import tempfile
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.bench.measuring import ROOT, timed
from tests.support.container import docker, project

RESULTS = Path(__file__).parent / "results" / "image.jsonl"
TAG = "chorus:bench"
GZIP_LEVEL = 6  # as `docker push` compresses
RUNS = 3


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        context = Path(folder) / "context"
        copy_of_the_project(context)
        first_s = timed(lambda: build(context))
        rebuilds: list[float] = []
        for run in range(RUNS):
            with (context / "app/__init__.py").open("a") as file:
                file.write(f"# {run}\n")
            rebuilds.append(timed(lambda: build(context)))
        layers = weigh(Path(folder))
    ups = [up() for _ in range(RUNS)]
    figures: dict[str, Any] = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "build_with_what_is_cached_s": first_s,
        "app_only_rebuild_s": statistics.median(rebuilds),
        "up_to_healthy_s": statistics.median(ups),
        "uncompressed_gb": sum(size for _, size, _ in layers) / 1e9,
        "compressed_gb": sum(compressed for _, _, compressed in layers) / 1e9,
        "layers": layers,
        "audit": audit(),
    }
    for name, value in figures.items():
        if isinstance(value, float):
            print(f"{name:30} {value:8.2f}")
    for made_by, size, compressed in layers:
        print(f"  {size / 1e6:7.0f} MB, {compressed / 1e6:7.0f} compressed: {made_by}")
    print("known vulnerabilities:", figures["audit"])
    with RESULTS.open("a") as file:
        file.write(json.dumps(figures) + "\n")


def copy_of_the_project(target: Path) -> None:
    """Copy the files that git knows to `target`, so that the benchmark never edits the project itself."""
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, listing.split("\0")):
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, target / name)


def build(context: Path) -> None:
    docker("image", "rm", TAG, check=False)  # else each build leaves one without a name
    docker("build", "--tag", TAG, str(context))


def up() -> float:
    with project(TAG, "docker/compose.cpu.yaml") as compose:
        return timed(lambda: compose("up", "--wait"))


def weigh(folder: Path) -> list[tuple[str, int, int]]:
    """(what made it, bytes, bytes as a registry keeps them) of each layer, lowest first."""
    archive = folder / "image.tar"
    docker("save", "--output", str(archive), TAG)
    with tarfile.open(archive) as tar:
        tar.extractall(folder / "saved", filter="data")
    archive.unlink()
    saved = folder / "saved"
    (manifest,) = json.loads((saved / "manifest.json").read_text())
    history = json.loads((saved / manifest["Config"]).read_text())["history"]
    made_by = [shorten(entry.get("created_by", "base image")) for entry in history if not entry.get("empty_layer")]
    paths = [saved / name for name in manifest["Layers"]]
    with ThreadPoolExecutor() as pool:
        return list(zip(made_by, (p.stat().st_size for p in paths), pool.map(compressed_size, paths), strict=True))


def compressed_size(path: Path) -> int:
    compressor = zlib.compressobj(GZIP_LEVEL, wbits=31)
    return sum(len(compressor.compress(block)) for block in blocks(path)) + len(compressor.flush())


def blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            yield block


def shorten(made_by: str) -> str:
    return re.sub(r"\s+", " ", made_by).removeprefix("RUN ")[:90]


def audit() -> str:
    """Run pip-audit on the locked packages; its last line."""
    locks = [option for name in ("xtts", "asr", "c2pa") for option in ("--requirement", f"requirements/{name}.txt")]
    command = ["-m", "pip_audit", *locks, "--disable-pip", "--no-deps"]
    found = subprocess.run(
        [sys.executable, *command, "--require-hashes", "--format", "json", "--progress-spinner", "off"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    try:
        packages = json.loads(found.stdout)["dependencies"]
    except (ValueError, KeyError):
        return f"pip-audit did not work: {found.stderr.strip().splitlines()[-1:]}"
    skipped = sum("skip_reason" in package for package in packages)
    vulnerable = [
        f"{package['name']} {package['version']}: {', '.join(entry['id'] for entry in package['vulns'])}"
        for package in packages
        if package.get("vulns")
    ]
    if skipped == len(packages):
        return f"not known: none of {skipped} packages could be audited"
    return f"{vulnerable or 'none'}; {len(packages) - skipped} packages audited, {skipped} could not be"


if __name__ == "__main__":
    main()
