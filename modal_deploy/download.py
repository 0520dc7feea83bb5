"""The weights of a deployment on their volume. Runs in a container of Modal."""

from collections.abc import Callable
from pathlib import Path

from app.asr.download import download_model as download_whisper
from app.engine.xtts.checkpoint.download import download_model as download_xtts
from modal_deploy.deployment import WEIGHTS, Deployment, download_settings


def download_weights(
    deployment: Deployment,
    *,
    accept_licence: bool,
    commit: Callable[[], None],
    report: Callable[[str], None],
    volume: Path = WEIGHTS,
) -> list[Path]:
    """The folders of what was fetched. `commit` is called after each.

    Raises InvalidSetting where every model is a folder, LicenceNotAccepted, and what the downloads raise.
    """
    folders: list[Path] = []
    if deployment.downloads_asr:
        folders.append(download_whisper(deployment.asr_model, volume, report=report))
        commit()
        if deployment.model.startswith("/"):
            return folders
    folders.append(download_xtts(download_settings(deployment, accept_licence=accept_licence), report=report))
    commit()
    return folders
