"""Contents of the image: users, files, packages, labels."""

import json

import pytest

from app.settings import Settings
from tests.support.container import RunningContainer, container, docker, output
from tests.support.server_imports import SERVER_IMPORTS

NO_START = {"entrypoint": ""}


def config(image: str) -> dict[str, object]:
    return json.loads(docker("image", "inspect", "--format", "{{json .Config}}", image).stdout)


def test_the_image_says_how_it_runs(image: str) -> None:
    said = config(image)
    assert said["User"] == "10001:10001"
    assert said["StopSignal"] == "SIGTERM"
    assert said["Volumes"] == {"/data": {}}
    assert said["ExposedPorts"] == {"8000/tcp": {}}
    assert said["Entrypoint"] == ["/opt/chorus/entrypoint.sh"]
    labels = said["Labels"]
    assert {f"org.opencontainers.image.{key}" for key in ("title", "licenses", "version", "revision")} <= set(labels)  # type: ignore[call-overload]
    environ = dict(entry.split("=", 1) for entry in said["Env"])  # type: ignore[attr-defined]
    assert environ["CHORUS_ENGINE"] == "xtts"
    assert environ["NVIDIA_DRIVER_CAPABILITIES"] == "compute,utility"
    assert not [name for name in environ if "KEY" in name or "TOKEN" in name]


def test_python_and_pip_are_there_and_chorus_is_importable_from_anywhere_without_the_entrypoint(image: str) -> None:
    script = "cd / && python -c 'import app.server.app, app.settings' && pip --version && chorus --version"
    said = output(image, "sh", "-euc", script, **NO_START)
    assert "pip" in said
    assert "chorus, version" in said


def test_the_entrypoint_takes_commands_of_the_image_and_of_chorus(image: str) -> None:
    assert output(image, "id", "-u") == "10001"
    assert output(image, "voices", environ={"CHORUS_ENGINE": "embedded"}).count("heart") == 1


def test_no_weights_are_inside(image: str) -> None:
    script = (
        "find / -xdev \\( -name '*.pth' -o -name '*.safetensors' -o -name '*.ckpt' \\) -size +100k 2>/dev/null || true"
    )
    assert output(image, "sh", "-c", script) == ""
    assert Settings().model not in output(image, "ls", "-R", "/data")


def test_nothing_outside_of_data_and_tmp_can_be_written(image: str) -> None:
    for path in ("/opt/venv/new", "/opt/chorus/new", "/new"):
        with container(image, "touch", path, read_only=False) as running:
            assert running.ended()[0] != 0, path


WITHOUT_BYTECODE = (
    SERVER_IMPORTS
    + """
import importlib.util, json, os
files = [getattr(module, "__file__", None) or "" for module in list(sys.modules.values())]
files = [file for file in files if file.startswith("/opt/venv") and file.endswith(".py")]
print(json.dumps([file for file in files if not os.path.exists(importlib.util.cache_from_source(file))]))
print(len(files))
"""
)


def test_the_bytecode_of_what_a_server_imports_is_in_the_image(image: str) -> None:
    """docker/imports.py lists it. Without bytecode the imports take nearly twice as long."""
    missing, count = output(image, "python", "-c", WITHOUT_BYTECODE).splitlines()[-2:]
    assert int(count) > 1000
    assert json.loads(missing) == []


def test_what_is_left_out_is_not_there(image: str) -> None:
    with pytest.raises(AssertionError, match="triton"):
        output(image, "python", "-c", "import triton")


def test_the_health_check_says_what_it_sees(embedded: RunningContainer) -> None:
    embedded.wait_until("Health", "healthy")
    last = embedded.state["Health"]["Log"][-1]
    assert (last["ExitCode"], last["Output"].split()) == (0, ["ok", "embedded"])
