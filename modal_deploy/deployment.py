"""Settings of a deployment on Modal: every DEPLOY_* variable with its default and meaning.

Read where `modal deploy` runs, and in each container, from the variables that the deployment has put there. Imports
nothing of Modal.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from app.asr.installation import DEFAULT_ON_CPU
from app.asr.installation import installed_folder as asr_folder
from app.engine.xtts.checkpoint.files import PINNED_REVISIONS, UNPINNED, XTTS_V2, installed_folder
from app.errors import InvalidSetting
from app.settings import Settings, read_variables

PREFIX = "DEPLOY_"
WEIGHTS = Path("/weights")
"""Mount point of the weights' volume: read-only. Not the voices' volume: a volume in use cannot be reloaded."""
DATA = Path("/data")
API_KEYS = "CHORUS_API_KEYS"

OFF = "off"
OBJECT = r"^[a-zA-Z0-9._-]{1,64}$"
"""Names that Modal allows for volumes and Secrets; its own refusal comes with a traceback."""


class Deployment(msgspec.Struct, frozen=True, kw_only=True):
    """Defaults: one T4 for each ten callers, four at most, none while nobody calls."""

    image: Annotated[
        str,
        Meta(
            pattern=r"^[^\s@]+@sha256:[0-9a-f]{64}$",
            description="Released image by digest, `name@sha256:...`",
        ),
    ]
    name: Annotated[
        str,
        Meta(
            pattern=r"^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$",
            description="Name of the app and in its address",
        ),
    ] = "chorus"
    gpu: Annotated[
        str,
        Meta(pattern=r"^[A-Za-z][A-Za-z0-9-]*[!+]?(:[1-8])?$", description="GPU of each container"),
    ] = "T4"
    cpu: Annotated[float, Meta(ge=0.125, le=64, description="CPU cores reserved for each container")] = 2.0
    memory_mb: Annotated[int, Meta(ge=1024, le=1_048_576, description="Memory reserved for each container, in MiB")] = (
        8192
    )
    region: Annotated[str, Meta(description="Where containers may run, such as `eu`; empty: anywhere")] = ""
    min_containers: Annotated[int, Meta(ge=0, le=1000, description="Containers kept warm while nobody calls")] = 0
    max_containers: Annotated[int, Meta(ge=1, le=1000, description="Most containers; further callers wait")] = 4
    buffer_containers: Annotated[int, Meta(ge=0, le=1000, description="Idle containers kept ahead of the load")] = 0
    scaledown_window_s: Annotated[int, Meta(ge=2, le=3600, description="Idle seconds after which a container goes")] = (
        300
    )
    max_inputs: Annotated[int, Meta(ge=1, le=1000, description="Most requests in one container")] = 10
    target_inputs: Annotated[int, Meta(ge=1, le=1000, description="Requests in one container that start another")] = 8
    timeout_s: Annotated[int, Meta(ge=1, le=86400, description="Longest request, in seconds")] = 600
    startup_timeout_s: Annotated[int, Meta(ge=1, le=86400, description="Longest start of a container, in seconds")] = (
        600
    )
    gpu_snapshot: Annotated[
        bool, Meta(description="`1` puts the GPU's memory into the snapshot too (alpha feature of Modal)")
    ] = False
    secret: Annotated[
        str, Meta(pattern=OBJECT, description=f"Modal Secret that holds `{API_KEYS}`; read after the snapshot")
    ] = "chorus-api-keys"  # noqa: S105  what it is called
    registry_secret: Annotated[
        str,
        Meta(
            pattern=f"^$|{OBJECT}",
            description="Modal Secret with REGISTRY_USERNAME and REGISTRY_PASSWORD, for a private image",
        ),
    ] = ""
    weights_volume: Annotated[str, Meta(pattern=OBJECT, description="Modal Volume of the weights")] = "chorus-weights"
    voices_volume: Annotated[str, Meta(pattern=OBJECT, description="Modal Volume of saved voices and metadata")] = (
        "chorus-voices"
    )
    model: Annotated[
        str,
        Meta(
            pattern=r"^(/weights/[^\s]+|[\w-][\w.-]*/[\w.-]+)$",
            description="Id of a model that `::download` fetches, or a folder below `/weights`",
        ),
    ] = XTTS_V2
    asr_model: Annotated[
        str,
        Meta(
            pattern=r"^(off|/weights/[^\s]+|[\w-][\w.-]*/[\w.-]+)$",
            description="Whisper model for speech to text: an id that `::download` fetches, such as "
            f"`{DEFAULT_ON_CPU}`, or a folder below `/weights`",
        ),
    ] = OFF

    def __post_init__(self) -> None:
        if self.target_inputs > self.max_inputs:
            raise InvalidSetting(
                f"DEPLOY_TARGET_INPUTS={self.target_inputs} is more than DEPLOY_MAX_INPUTS={self.max_inputs}",
                param="DEPLOY_TARGET_INPUTS",
            )
        if self.min_containers > self.max_containers:
            raise InvalidSetting(
                f"DEPLOY_MIN_CONTAINERS={self.min_containers} is more than DEPLOY_MAX_CONTAINERS={self.max_containers}",
                param="DEPLOY_MIN_CONTAINERS",
            )
        if self.voices_volume == self.weights_volume:
            raise InvalidSetting(
                f"DEPLOY_VOICES_VOLUME={self.voices_volume} is DEPLOY_WEIGHTS_VOLUME too: one volume, two places",
                param="DEPLOY_VOICES_VOLUME",
            )

    @property
    def weights_folder(self) -> Path:
        """The folder of one revision: a snapshot keeps reading its files after another download.

        Computed from the setting alone: the folders of the machine that runs `modal deploy` do not matter.
        """
        if self.model.startswith("/"):
            return Path(self.model)
        return installed_folder(WEIGHTS, self.model, PINNED_REVISIONS.get(self.model, UNPINNED))

    @property
    def downloads_asr(self) -> bool:
        """True for a Whisper model of the hub."""
        return self.asr_model != OFF and not self.asr_model.startswith("/")

    def server_variables(self) -> dict[str, str]:
        """Every setting of the server in a container, so that nothing is detected there."""
        return {
            "CHORUS_ENGINE": "xtts",
            "CHORUS_MODEL": str(self.weights_folder),
            "CHORUS_DATA": str(DATA),
            # Asking the driver would start CUDA, which must not happen before a snapshot.
            "CHORUS_DEVICE": "cuda",
            "CHORUS_ASR_MODEL": str(asr_folder(WEIGHTS, self.asr_model)) if self.downloads_asr else self.asr_model,
            "CHORUS_ASR_DEVICE": "cpu",
        }


def load_deployment(environ: Mapping[str, str] | None = None) -> Deployment:
    """Raises InvalidSetting, for an unknown DEPLOY_* name too."""
    environ = os.environ if environ is None else environ
    # A pipeline sets an empty variable where it has no value.
    environ = {name: value for name, value in environ.items() if value}
    if "DEPLOY_IMAGE" not in environ:
        raise InvalidSetting(
            "DEPLOY_IMAGE is not set: name the released image by its digest (name@sha256:..., in the release notes)",
            param="DEPLOY_IMAGE",
        )
    return read_variables(Deployment, environ, prefix=PREFIX)


def deployment_variables(deployment: Deployment) -> dict[str, str]:
    values = msgspec.to_builtins(deployment)
    return {
        PREFIX + name.upper(): str(int(value) if isinstance(value, bool) else value) for name, value in values.items()
    }


def download_settings(deployment: Deployment, *, accept_licence: bool) -> Settings:
    """The settings that fetch the weights to `weights_folder`. Raises InvalidSetting for a folder."""
    if deployment.model.startswith("/"):
        raise InvalidSetting(
            f"DEPLOY_MODEL={deployment.model} is a folder of the volume: put its files there with `modal volume put "
            f"{deployment.weights_volume}`",
            param="DEPLOY_MODEL",
        )
    return Settings(engine="xtts", model=deployment.model, data=WEIGHTS, accept_cpml=accept_licence)
