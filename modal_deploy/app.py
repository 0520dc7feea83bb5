"""Chorus on Modal: the image, the volumes, the secret, the server, and the commands around it.

    DEPLOY_IMAGE=name@sha256:... modal deploy -m modal_deploy.app
    modal run -m modal_deploy.app::download --accept-cpml

Containers start from a snapshot of their memory, and volumes are told when to share what was written. For users:
docs/modal.md.
"""

import sys
from typing import Any

import modal

from app.errors import ChorusError
from app.observability.log import configure_logging
from app.pools import switch_threads_often
from modal_deploy.commands import print_cost, run_load_test, run_smoke
from modal_deploy.deployment import API_KEYS, DATA, WEIGHTS, deployment_variables, load_deployment
from modal_deploy.start import Prepared, Started, prepare, start

try:
    deployment = load_deployment()
except ChorusError as error:
    sys.exit(f"modal_deploy: {error}")

app = modal.App(deployment.name)

# By digest, so that the tested image runs. Modal starts its own process in it, as root.
image = (
    modal.Image.from_registry(
        deployment.image,
        secret=modal.Secret.from_name(deployment.registry_secret) if deployment.registry_secret else None,
        setup_dockerfile_commands=["USER root"],
    )
    .entrypoint([])
    # A process that stands inside a volume, such as the image's /data, keeps it from being reloaded.
    .workdir("/root")
    .env(deployment_variables(deployment) | deployment.server_variables())
)

# Two volumes, because one with open files cannot be reloaded, and the weights' files stay open.
weights = modal.Volume.from_name(deployment.weights_volume, create_if_missing=True)
voices = modal.Volume.from_name(deployment.voices_volume, create_if_missing=True)


@app.cls(
    image=image,
    gpu=deployment.gpu,
    cpu=deployment.cpu,
    memory=deployment.memory_mb,
    region=deployment.region or None,
    volumes={str(WEIGHTS): weights.with_mount_options(read_only=True), str(DATA): voices},
    secrets=[modal.Secret.from_name(deployment.secret, required_keys=[API_KEYS])],
    min_containers=deployment.min_containers,
    max_containers=deployment.max_containers,
    buffer_containers=deployment.buffer_containers,
    scaledown_window=deployment.scaledown_window_s,
    timeout=deployment.timeout_s,
    startup_timeout=deployment.startup_timeout_s,
    enable_memory_snapshot=True,
    experimental_options={"enable_gpu_snapshot": True} if deployment.gpu_snapshot else None,
)
@modal.concurrent(max_inputs=deployment.max_inputs, target_inputs=deployment.target_inputs)
class Server:
    prepared: Prepared
    started: Started

    @modal.enter(snap=True)
    async def prepare(self) -> None:
        """Once for each deployment: imports and weights go into the snapshot."""
        configure_logging("info", "json")
        switch_threads_often()
        self.prepared = await prepare(with_gpu=deployment.gpu_snapshot)

    @modal.enter(snap=False)
    async def start(self) -> None:
        """In each container: weights to the GPU, a sentence to warm up, API keys from the Secret."""
        self.started = await start(
            self.prepared,
            commit=voices.commit.aio,
            reload=voices.reload.aio,
            retire=modal.experimental.stop_fetching_inputs.aio,  # pyright: ignore[reportFunctionMemberAccess] - added at run time
        )

    @modal.asgi_app(label=deployment.name)
    def web(self) -> Any:  # Any: an ASGI app, for which Modal has no type
        return self.started.app


@app.function(image=image, volumes={str(WEIGHTS): weights}, timeout=3600)
def download(accept_cpml: bool = False) -> None:
    """Fetch the weights to their volume, on a CPU: `modal run -m modal_deploy.app::download --accept-cpml`."""
    from modal_deploy.download import download_weights

    try:
        folders = download_weights(deployment, accept_licence=accept_cpml, commit=weights.commit, report=print)
    except ChorusError as error:
        sys.exit(f"modal_deploy: {error}")
    print(f"{' and '.join(map(str, folders))} on the volume {deployment.weights_volume}: deploy now")
    print(f"what is deployed already takes them in with `modal app rollover {deployment.name}`")


@app.local_entrypoint()
def smoke(url: str = "") -> None:
    """Probe the deployed server: `modal run -m modal_deploy.app::smoke`."""
    run_smoke(url or find_url())


@app.local_entrypoint()
def load(requests: int = 100, recordings: int = 0, url: str = "") -> None:
    """Many callers at once: `modal run -m modal_deploy.app::load --requests 100 --recordings 20`."""
    run_load_test(url or find_url(), requests=requests, recordings=recordings)


@app.local_entrypoint()
def cost(rtf: float = 0.0, asr_rtf: float = 0.0) -> None:
    """Cost at the real-time factors that you measured: `modal run -m modal_deploy.app::cost --rtf 0.2 --asr-rtf 0.1`.

    Of speech, and of transcripts.
    """
    print_cost(deployment, real_time_factor=rtf, asr_real_time_factor=asr_rtf)


def find_url() -> str:
    """The URL of the deployed server, not of the short-lived copy that `modal run` makes."""
    return modal.Cls.from_name(deployment.name, "Server")().web.get_web_url()
