"""XTTS weights from the hub: complete and verified in their place, or not there at all.

Files are fetched into a folder beside the final one (app.weights). The converted model is renamed into its place last.
"""

import shutil
import time
from collections.abc import Callable
from pathlib import Path

from app.engine.xtts.checkpoint.diagnosis import check_folder
from app.engine.xtts.checkpoint.files import (
    CONFIG,
    ORIGINAL_SPEAKERS,
    PINNED_REVISIONS,
    PUBLISHED_FILES,
    PUBLISHED_RECORDINGS,
    UNPINNED,
    folder_of,
    installed_folder,
    is_converted,
)
from app.engine.xtts.config import read_config
from app.errors import LicenceNotAccepted, UnusableCheckpoint
from app.settings import Settings
from app.startup import Check, unchecked
from app.weights.hub import GB, HubModel, Report, check_space, size_of
from app.weights.names import is_folder
from app.weights.placing import place, placing

LICENCE = "Coqui Public Model License (non-commercial, https://coqui.ai/cpml)"
SPACE_NEEDED = 2.3
"""Times the size on the hub: the download and its conversion exist side by side."""


def download_model(
    settings: Settings, *, report: Report, sleep: Callable[[float], None] = time.sleep, check: Check = unchecked
) -> Path:
    """Fetch, verify and convert the model of the settings, unless it is there. Blocking; returns its folder.

    `check` raises a ChorusError to give up: between files, blocks, tries and steps of the conversion. The next call
    goes on from the files that have come.

    Raises LicenceNotAccepted, DownloadFailed, UnusableCheckpoint, or EngineUnavailable without the hub's library.
    """
    model = settings.model
    if is_folder(model):
        check_folder(folder_of(model, settings.data))
        report(f"{model} is a folder with a checkpoint: there is nothing to download")
        return folder_of(model, settings.data)
    revision = PINNED_REVISIONS.get(model, UNPINNED)
    final = installed_folder(settings.data, model, revision)
    if is_converted(final):
        report(f"{model} is already in {final}")
        return final
    if not settings.accept_cpml:
        raise LicenceNotAccepted(
            f"{model} is under the {LICENCE}, which is yours to accept: set CHORUS_ACCEPT_CPML=1 and run this again",
            param="CHORUS_ACCEPT_CPML",
        )
    with placing(final, report=report, extra="xtts") as partial:
        if not is_converted(final):
            hub = HubModel(model, revision, setting="CHORUS_MODEL", report=report, sleep=sleep, check=check)
            _fetch(hub, model, partial)
            report("converting to the form that loads at once")
            _convert(model, revision, partial, final, check)
    report(f"{model} is in {final}")
    return final


def _fetch(hub: HubModel, model: str, partial: Path) -> None:
    found = [hub.find(name) if name == ORIGINAL_SPEAKERS else hub.look_up(name) for name in PUBLISHED_FILES]
    found.append(next(filter(None, map(hub.find, PUBLISHED_RECORDINGS)), None))
    files = [file for file in found if file is not None]
    check_space(files, partial, factor=SPACE_NEEDED)
    for file in files:
        hub.fetch(file, partial)
        if file.name == CONFIG:
            _check_config(partial, model)


def _convert(model: str, revision: str, partial: Path, final: Path, check: Check) -> None:
    staging = final.with_name(f".{revision}.staging")
    shutil.rmtree(staging, ignore_errors=True)
    from app.engine.xtts.checkpoint.convert import convert_checkpoint  # imports torch

    try:
        convert_checkpoint(partial, staging, model=model, revision=revision, check=check)
    except UnusableCheckpoint as error:
        raise UnusableCheckpoint(
            f"{error.message}. The files are as the hub has them, and another try does not download them again: "
            "name another model in CHORUS_MODEL, or report this line; "
            f"remove {partial} to free {size_of(partial) / GB:.1f} GB",
            param=error.param,
        ) from error
    finally:
        if not is_converted(staging):
            shutil.rmtree(staging, ignore_errors=True)
    place(staging, final)


def _check_config(folder: Path, model: str) -> None:
    """Refuse an unusable model before its weights are fetched."""
    try:
        read_config(folder)
    except UnusableCheckpoint as error:
        raise UnusableCheckpoint(
            f"{error.message}. {model} cannot be served, and its weights were not fetched: name another model in "
            "CHORUS_MODEL",
            param=error.param,
        ) from error
