"""Whisper models from the hub: complete and verified in their place, or not there at all."""

import time
from collections.abc import Callable
from pathlib import Path

from app.asr.installation import (
    PINNED_REVISIONS,
    choose_model,
    default_model,
    installed_folder,
    is_complete,
    revision_of,
)
from app.asr.model_folder import AN_ID, CONFIG, PREPROCESSOR, SETTING, TOKENIZER, VOCABULARIES, WEIGHTS, check_folder
from app.errors import DownloadFailed, InvalidSetting, UnusableCheckpoint
from app.settings import Settings
from app.startup import Check, unchecked
from app.weights.hub import GB, HubModel, RemoteFile, Report, check_space, size_of
from app.weights.names import is_folder
from app.weights.placing import place, placing

SPACE_NEEDED = 1.05
"""Times the size on the hub: nothing is converted."""


def download_for(settings: Settings, *, report: Report) -> None:
    """Fetch the model that the settings name, or by `auto` the one that suits the device. Blocking.

    Raises InvalidSetting for `off`, what `choose_model` raises for a model without a download, and what
    `download_model` raises.
    """
    wanted = settings.asr_model
    if wanted == "off":
        raise InvalidSetting(f"{SETTING}=off names no model: name one with --model", param=SETTING)
    if wanted != "auto" and (wanted == "embedded" or is_folder(wanted)):
        choice = choose_model(settings)
        report(f"{choice.name if choice.folder is None else choice.folder} is installed: there is nothing to download")
        return
    model = default_model(settings) if wanted == "auto" else wanted
    download_model(model, settings.data, report=report)
    report("the server uses it from its next start on" if model in PINNED_REVISIONS else f"set {SETTING}={model}")


def download_model(
    model: str,
    data: Path,
    *,
    report: Report,
    sleep: Callable[[float], None] = time.sleep,
    check: Check = unchecked,
) -> Path:
    """Fetch and verify a model of the hub, unless it is there. Blocking; returns its folder.

    `check` raises a ChorusError to give up: between files, blocks and tries. The next call goes on from the files that
    have come.

    Raises DownloadFailed, UnusableCheckpoint, or EngineUnavailable without the hub's library.
    """
    final = installed_folder(data, model)
    if is_complete(final):
        report(f"{model} is already in {final}")
        return final
    with placing(final, report=report, extra="asr") as partial:
        if not is_complete(final):
            hub = HubModel(model, revision_of(model), setting=SETTING, report=report, sleep=sleep, check=check)
            files = _look_up(hub, model)
            check_space(files, partial, factor=SPACE_NEEDED)
            for file in files:
                hub.fetch(file, partial)
            _check_content(partial, model)
            place(partial, final)
    report(f"{model} is in {final}")
    return final


def _look_up(hub: HubModel, model: str) -> list[RemoteFile]:
    """The files of the model, its weights last. Raises DownloadFailed for a model in another form."""
    optional = {name: hub.find(name) for name in (*VOCABULARIES, PREPROCESSOR)}
    needed = {name: hub.find(name) for name in (CONFIG, TOKENIZER, WEIGHTS)}
    missing = [name for name, file in needed.items() if file is None]
    if not any(optional[name] for name in VOCABULARIES):
        missing.append(VOCABULARIES[0])
    if missing:
        raise DownloadFailed(
            f"{model} has no {', '.join(missing)} on the hub, so it is no Whisper model in CTranslate2's form: {AN_ID}"
        )
    return [file for file in (*optional.values(), *needed.values()) if file is not None]


def _check_content(folder: Path, model: str) -> None:
    try:
        check_folder(folder)
    except UnusableCheckpoint as error:
        raise UnusableCheckpoint(
            f"{error.message}. The files are as the hub has them: name another model than {model}, and remove {folder} "
            f"to free {size_of(folder) / GB:.1f} GB",
            param=error.param,
        ) from error
