"""`modal deploy` as a process, against a control plane on loopback."""

import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from modal_proto import api_pb2

from modal_deploy.deployment import load_deployment
from tests.support.modal_server import ModalServer, running_modal_server

ROOT = Path(__file__).parents[3]
IMAGE = f"ghcr.io/example/chorus@sha256:{'5e' * 32}"
REVISION = "6c2b0d75eae4b7047358e3b6bd9325f857d43f77"
KEY = "very-secret-key"

CHANGED = {
    "DEPLOY_IMAGE": f"ghcr.io/example/other@sha256:{'0f' * 32}",
    "DEPLOY_NAME": "speech-2",
    "DEPLOY_GPU": "A100-80GB:2",
    "DEPLOY_CPU": "3.5",
    "DEPLOY_MEMORY_MB": "16384",
    "DEPLOY_REGION": "eu",
    "DEPLOY_MIN_CONTAINERS": "2",
    "DEPLOY_MAX_CONTAINERS": "9",
    "DEPLOY_BUFFER_CONTAINERS": "3",
    "DEPLOY_SCALEDOWN_WINDOW_S": "61",
    "DEPLOY_MAX_INPUTS": "24",
    "DEPLOY_TARGET_INPUTS": "17",
    "DEPLOY_TIMEOUT_S": "901",
    "DEPLOY_STARTUP_TIMEOUT_S": "1201",
    "DEPLOY_GPU_SNAPSHOT": "1",
    "DEPLOY_SECRET": "other-keys",
    "DEPLOY_REGISTRY_SECRET": "registry",
    "DEPLOY_WEIGHTS_VOLUME": "other-weights",
    "DEPLOY_VOICES_VOLUME": "other-voices",
    "DEPLOY_MODEL": "/weights/fine-tuned",
    "DEPLOY_ASR_MODEL": "/weights/models/whisper",
}


def environment(**variables: str) -> dict[str, str]:
    """The environment of a shell in which only `variables` are set for Modal and Chorus."""
    ours = ("DEPLOY_", "CHORUS_", "MODAL_")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)} | variables


def deploy(server: ModalServer, home: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the command. The API key is also in the shell's environment, where a person may have it."""
    modal = {
        "MODAL_SERVER_URL": server.url,
        "MODAL_TOKEN_ID": "ak-dummy",
        "MODAL_TOKEN_SECRET": "as-dummy",
        "MODAL_DISABLE_API_PROXY": "1",
        "CHORUS_API_KEYS": KEY,
        "HOME": str(home),
        "COLUMNS": "500",
        "NO_COLOR": "1",
    }
    return subprocess.run(
        [sys.executable, "-m", "modal", "deploy", "-m", "modal_deploy.app"],
        cwd=ROOT,
        env=environment(**modal, **variables),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture
def modal_server() -> Iterator[ModalServer]:
    with running_modal_server() as server:
        yield server


@pytest.fixture(scope="module")
def by_default(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModalServer]:
    """The server of a deployment for which only the image was named."""
    with running_modal_server() as server:
        ended = deploy(server, tmp_path_factory.mktemp("home"), DEPLOY_IMAGE=IMAGE)
        assert ended.returncode == 0, ended.stdout + ended.stderr
        yield server


@pytest.fixture(scope="module")
def with_all_changed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModalServer]:
    with running_modal_server() as server:
        server.secrets = {"other-keys": {"CHORUS_API_KEYS"}, "registry": {"REGISTRY_USERNAME", "REGISTRY_PASSWORD"}}
        ended = deploy(server, tmp_path_factory.mktemp("home"), **CHANGED)
        assert ended.returncode == 0, ended.stdout + ended.stderr
        yield server


def volumes(server: ModalServer, function: Any) -> dict[str, tuple[str, bool]]:
    """Path -> name of the volume, and whether it is read-only."""
    return {
        mount.mount_path: (server.objects[mount.volume_id].deployment_name, mount.read_only)
        for mount in function.volume_mounts
    }


def asked_for(server: ModalServer) -> dict[str, object]:
    """The resources and limits of the server's containers."""
    function = server.functions["Server.*"]
    scaling, resources = function.autoscaler_settings, function.resources
    secrets = [server.objects[secret] for secret in function.secret_ids]
    webhook = function.method_definitions["web"].webhook_config
    return {
        "app": [published.name for published in server.sent("AppPublish")],
        "gpu": (resources.gpu_config.gpu_type, resources.gpu_config.count),
        "reserved": (resources.milli_cpu, resources.memory_mb),
        "regions": list(function.scheduler_placement.regions),
        "volumes": volumes(server, function),
        "secrets": {secret.deployment_name: list(secret.required_keys) for secret in secrets},
        "inputs": (function.max_concurrent_inputs, function.target_concurrent_inputs),
        "containers": (scaling.min_containers, scaling.max_containers, scaling.buffer_containers),
        "idle_s": scaling.scaledown_window,
        "timeouts_s": (function.timeout_secs, function.startup_timeout_secs),
        "snapshot": function.checkpointing_enabled,
        "experimental": dict(function.experimental_options),
        "web": (webhook.type, webhook.requested_suffix),
    }


def commands(server: ModalServer, function: str = "Server.*") -> list[str]:
    """Every Dockerfile command of a function's image, from the registry's image on."""
    layers = server.layers(server.functions[function].image_id)
    return [command for layer in layers for command in layer.dockerfile_commands if command != "FROM base"]


def variables(server: ModalServer) -> dict[str, str]:
    lines = [shlex.split(command) for command in commands(server) if command.startswith("ENV ")]
    assert all(len(line) == 2 for line in lines)
    return dict(line[1].split("=", 1) for line in lines)


def test_containers_are_asked_for_as_the_defaults_say(by_default: ModalServer) -> None:
    assert asked_for(by_default) == {
        "app": ["chorus"],
        "gpu": ("T4", 1),
        "reserved": (2000, 8192),
        "regions": [],
        "volumes": {"/weights": ("chorus-weights", True), "/data": ("chorus-voices", False)},
        "secrets": {"chorus-api-keys": ["CHORUS_API_KEYS"]},
        "inputs": (10, 8),
        "containers": (0, 4, 0),
        "idle_s": 300,
        "timeouts_s": (600, 600),
        "snapshot": True,
        "experimental": {},
        "web": (api_pb2.WEBHOOK_TYPE_ASGI_APP, "chorus"),
    }


def test_every_setting_reaches_modal(with_all_changed: ModalServer) -> None:
    assert asked_for(with_all_changed) == {
        "app": ["speech-2"],
        "gpu": ("A100-80GB", 2),
        "reserved": (3500, 16384),
        "regions": ["eu"],
        "volumes": {"/weights": ("other-weights", True), "/data": ("other-voices", False)},
        "secrets": {"other-keys": ["CHORUS_API_KEYS"]},
        "inputs": (24, 17),
        "containers": (2, 9, 3),
        "idle_s": 61,
        "timeouts_s": (901, 1201),
        "snapshot": True,
        "experimental": {"enable_gpu_snapshot": "True"},
        "web": (api_pb2.WEBHOOK_TYPE_ASGI_APP, "speech-2"),
    }


def test_the_test_above_changes_every_setting(by_default: ModalServer) -> None:
    """Guards it: a setting that is added later must be changed there, and looked for."""
    defaults = {name: value for name, value in variables(by_default).items() if name.startswith("DEPLOY_")}
    assert CHANGED.keys() == defaults.keys()
    assert [name for name, value in defaults.items() if CHANGED[name] == value] == []


def test_the_image_is_the_released_one_and_gets_variables_only(by_default: ModalServer) -> None:
    first, *rest = commands(by_default)
    assert first == f"FROM {IMAGE}"
    assert [command for command in rest if not command.startswith("ENV ")] == [
        "USER root",
        "ENTRYPOINT []",
        "WORKDIR /root",
    ]
    assert commands(by_default, "download") == [first, *rest]
    for layer in by_default.layers(by_default.functions["Server.*"].image_id):
        assert (layer.context_mount_id, list(layer.context_files)) == ("", [])  # no Python beside the image's own
        assert layer.image_registry_config == api_pb2.ImageRegistryConfig()


def test_an_image_that_is_not_public_is_pulled_with_its_secret(with_all_changed: ModalServer) -> None:
    image = with_all_changed.layers(with_all_changed.functions["Server.*"].image_id)[0]
    assert image.dockerfile_commands[0] == f"FROM {CHANGED['DEPLOY_IMAGE']}"
    assert with_all_changed.objects[image.image_registry_config.secret_id].deployment_name == "registry"
    assert image.image_registry_config.registry_auth_type == api_pb2.REGISTRY_AUTH_TYPE_STATIC_CREDS


def test_a_container_finds_the_servers_settings_and_the_deployment(by_default: ModalServer) -> None:
    assert {name: value for name, value in variables(by_default).items() if not name.startswith("DEPLOY_")} == {
        "CHORUS_ENGINE": "xtts",
        "CHORUS_MODEL": f"/weights/models/xtts_v2/{REVISION}",
        "CHORUS_DATA": "/data",
        "CHORUS_DEVICE": "cuda",
        "CHORUS_ASR_MODEL": "off",
        "CHORUS_ASR_DEVICE": "cpu",
    }
    assert load_deployment(variables(by_default)) == load_deployment({"DEPLOY_IMAGE": IMAGE})


def test_a_container_finds_what_was_changed(with_all_changed: ModalServer) -> None:
    found = variables(with_all_changed)
    assert {name: value for name, value in found.items() if name.startswith("DEPLOY_")} == CHANGED
    assert found["CHORUS_MODEL"] == CHANGED["DEPLOY_MODEL"]
    assert found["CHORUS_ASR_MODEL"] == CHANGED["DEPLOY_ASR_MODEL"]


def test_the_adapter_imports_with_what_a_container_has_and_without_a_warning(with_all_changed: ModalServer) -> None:
    ended = subprocess.run(
        [sys.executable, "-W", "error", "-c", "import modal_deploy.app"],
        cwd=ROOT,
        env=environment(**variables(with_all_changed)),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")


def test_download_writes_to_the_volume_of_the_weights_and_has_no_gpu(by_default: ModalServer) -> None:
    function = by_default.functions["download"]
    assert volumes(by_default, function) == {"/weights": ("chorus-weights", False)}
    assert (function.resources.gpu_config.count, list(function.secret_ids), function.timeout_secs) == (0, [], 3600)
    assert by_default.functions.keys() == {"Server.*", "download"}


def test_volumes_are_made_when_they_are_missing(by_default: ModalServer) -> None:
    asked = {(volume.deployment_name, volume.object_creation_type) for volume in by_default.sent("VolumeGetOrCreate")}
    made = api_pb2.OBJECT_CREATION_TYPE_CREATE_IF_MISSING
    assert asked == {("chorus-weights", made), ("chorus-voices", made)}


def test_the_checkout_gives_the_adapter_and_the_image_the_server(by_default: ModalServer) -> None:
    mounts = [by_default.objects[mount] for function in by_default.functions.values() for mount in function.mount_ids]
    uploaded = {PurePosixPath(file.filename).parts[-2:] for mount in mounts for file in mount.files}
    assert uploaded == {("modal_deploy", path.name) for path in (ROOT / "modal_deploy").glob("*.py")}
    # Modal's own client is mounted by name.
    assert all(mount.deployment_name.startswith("modal-client-mount-") for mount in mounts if not mount.files)


def test_no_api_key_leaves_the_machine(by_default: ModalServer, with_all_changed: ModalServer) -> None:
    sent = b"".join(
        message.SerializeToString() for server in (by_default, with_all_changed) for _, message in server.requests
    )
    assert b"modal.App(deployment.name)" in sent  # the search includes contents of files
    assert KEY.encode() not in sent


@pytest.mark.parametrize("version", ["2025.06", "2026.10"])
def test_no_image_builder_puts_packages_into_the_image(modal_server: ModalServer, tmp_path: Path, version: str) -> None:
    modal_server.builder_version = version
    ended = deploy(modal_server, tmp_path, DEPLOY_IMAGE=IMAGE)
    assert ended.returncode == 0, ended.stderr
    assert {image.builder_version for image in modal_server.sent("ImageGetOrCreate")} == {version}
    assert [command for command in commands(modal_server) if command.startswith(("RUN", "COPY"))] == []


@pytest.mark.parametrize(
    ("variables", "says"),
    [
        ({}, "DEPLOY_IMAGE is not set: name the released image by its digest"),
        (
            {"DEPLOY_IMAGE": "ghcr.io/example/chorus:latest"},
            "DEPLOY_IMAGE='ghcr.io/example/chorus:latest' does not fit",
        ),
        ({"DEPLOY_IMAGE": IMAGE, "DEPLOY_GPPU": "L4"}, "DEPLOY_GPPU is not a setting; did you mean DEPLOY_GPU?"),
        ({"DEPLOY_IMAGE": IMAGE, "DEPLOY_MAX_INPUTS": "4"}, "DEPLOY_TARGET_INPUTS=8 is more than DEPLOY_MAX_INPUTS=4"),
    ],
)
def test_a_setting_that_does_not_fit_stops_before_modal_is_asked(
    modal_server: ModalServer, tmp_path: Path, variables: dict[str, str], says: str
) -> None:
    ended = deploy(modal_server, tmp_path, **variables)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.startswith(f"modal_deploy: {says}")
    assert len(ended.stderr.splitlines()) == 1
    assert modal_server.requests == []


def assert_refused(ended: subprocess.CompletedProcess[str], server: ModalServer, says: str) -> None:
    output = ended.stdout + ended.stderr
    assert ended.returncode == 1, output
    assert says in output
    assert "Traceback" not in output
    assert server.sent("AppPublish") == []


def test_a_secret_that_is_not_there_is_named(modal_server: ModalServer, tmp_path: Path) -> None:
    modal_server.secrets.clear()
    ended = deploy(modal_server, tmp_path, DEPLOY_IMAGE=IMAGE)
    assert_refused(ended, modal_server, "Secret 'chorus-api-keys' not found")


def test_a_secret_without_the_keys_is_refused(modal_server: ModalServer, tmp_path: Path) -> None:
    modal_server.secrets["chorus-api-keys"] = {"API_KEYS"}
    ended = deploy(modal_server, tmp_path, DEPLOY_IMAGE=IMAGE)
    assert_refused(ended, modal_server, "Secret is missing key(s): CHORUS_API_KEYS")


def test_a_registry_secret_without_credentials_is_refused(modal_server: ModalServer, tmp_path: Path) -> None:
    modal_server.secrets["registry"] = {"TOKEN"}
    ended = deploy(modal_server, tmp_path, **{"DEPLOY_IMAGE": IMAGE, "DEPLOY_REGISTRY_SECRET": "registry"})
    assert_refused(ended, modal_server, "REGISTRY_USERNAME and REGISTRY_PASSWORD")


def test_an_image_that_cannot_be_pulled_is_named(modal_server: ModalServer, tmp_path: Path) -> None:
    modal_server.build_error = "pull access denied for ghcr.io/example/chorus"
    ended = deploy(modal_server, tmp_path, DEPLOY_IMAGE=IMAGE)
    assert_refused(ended, modal_server, "pull access denied for ghcr.io/example/chorus")
    assert "Image build" in ended.stderr


def test_a_client_that_asks_for_more_is_told_what(modal_server: ModalServer, tmp_path: Path) -> None:
    del modal_server.answers["ClassCreate"]
    ended = deploy(modal_server, tmp_path, DEPLOY_IMAGE=IMAGE)
    assert_refused(ended, modal_server, "tests/support/modal_server.py does not answer ClassCreate")
