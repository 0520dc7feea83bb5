from pathlib import Path

import msgspec
import pytest

from app.asr.installation import installed_folder
from app.errors import InvalidSetting
from modal_deploy.deployment import Deployment, deployment_variables, load_deployment

IMAGE = f"ghcr.io/example/chorus@sha256:{'5e' * 32}"
REVISION = "6c2b0d75eae4b7047358e3b6bd9325f857d43f77"


def load(**variables: str) -> Deployment:
    return load_deployment({"DEPLOY_IMAGE": IMAGE, "PATH": "/bin"} | variables)


def test_the_image_alone_gives_the_defaults() -> None:
    assert load() == Deployment(image=IMAGE)


def test_values_are_read_in_their_types() -> None:
    deployment = load(DEPLOY_GPU="L4", DEPLOY_CPU="0.5", DEPLOY_MIN_CONTAINERS="1", DEPLOY_GPU_SNAPSHOT="1")
    assert (deployment.gpu, deployment.cpu, deployment.min_containers) == ("L4", 0.5, 1)
    assert deployment.gpu_snapshot is True


@pytest.mark.parametrize("variables", [{}, {"DEPLOY_IMAGE": ""}, {"DEPLOY_GPU": "L4"}])
def test_an_image_must_be_named(variables: dict[str, str]) -> None:
    with pytest.raises(InvalidSetting, match=r"DEPLOY_IMAGE is not set.*digest") as error:
        load_deployment(variables)
    assert error.value.param == "DEPLOY_IMAGE"


BOUNDS = {
    "DEPLOY_CPU": ("0.125", "64"),
    "DEPLOY_MEMORY_MB": ("1024", "1048576"),
    "DEPLOY_MIN_CONTAINERS": ("0", "1000"),
    "DEPLOY_MAX_CONTAINERS": ("1", "1000"),
    "DEPLOY_BUFFER_CONTAINERS": ("0", "1000"),
    "DEPLOY_SCALEDOWN_WINDOW_S": ("2", "3600"),
    "DEPLOY_MAX_INPUTS": ("1", "1000"),
    "DEPLOY_TARGET_INPUTS": ("1", "1000"),
    "DEPLOY_TIMEOUT_S": ("1", "86400"),
    "DEPLOY_STARTUP_TIMEOUT_S": ("1", "86400"),
}


@pytest.mark.parametrize("name", BOUNDS)
def test_numbers_have_bounds(name: str) -> None:
    least, most = BOUNDS[name]
    others = {"DEPLOY_MAX_INPUTS": "1000", "DEPLOY_TARGET_INPUTS": "1", "DEPLOY_MAX_CONTAINERS": "1000"}
    for text in (least, most):
        assert getattr(load(**others | {name: text}), name.removeprefix("DEPLOY_").lower()) == float(text)
    for text, bound in ((str(float(least) - 1), f">= {least}"), (str(float(most) + 1), f"<= {most}")):
        with pytest.raises(InvalidSetting) as error:
            load(**others | {name: text.removesuffix(".0")})
        assert error.value.param == name
        assert bound in str(error.value)


def test_every_number_has_bounds() -> None:
    numbers = {name for name, value in msgspec.structs.asdict(load()).items() if type(value) in (int, float)}
    assert {name.removeprefix("DEPLOY_").lower() for name in BOUNDS} == numbers


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DEPLOY_IMAGE", "ghcr.io/example/chorus:latest"),
        ("DEPLOY_IMAGE", IMAGE[:-1]),
        ("DEPLOY_IMAGE", f"{IMAGE} "),
        ("DEPLOY_IMAGE", IMAGE.upper()),
        ("DEPLOY_NAME", "Chorus"),
        ("DEPLOY_NAME", "chorus-"),
        ("DEPLOY_NAME", "2"),
        ("DEPLOY_NAME", "c" * 64),
        ("DEPLOY_GPU", "T4:0"),
        ("DEPLOY_GPU", "T4,L4"),
        ("DEPLOY_GPU_SNAPSHOT", "maybe"),
        ("DEPLOY_CPU", "nan"),
        ("DEPLOY_MAX_INPUTS", "ten"),
        ("DEPLOY_SECRET", "api keys"),
        ("DEPLOY_REGISTRY_SECRET", "a b"),
        ("DEPLOY_WEIGHTS_VOLUME", "my weights"),
        ("DEPLOY_MODEL", "./checkpoint"),
        ("DEPLOY_MODEL", "~/checkpoint"),
        ("DEPLOY_MODEL", "/data/checkpoint"),
        ("DEPLOY_MODEL", "/weights/"),
    ],
)
def test_what_does_not_fit_is_an_error_that_names_it(name: str, value: str) -> None:
    with pytest.raises(InvalidSetting) as error:
        load(**{name: value})
    assert error.value.param == name
    assert name in str(error.value)


@pytest.mark.parametrize("gpu", ["T4", "L40S", "A100-80GB", "H100!", "B200+", "A10G:2", "RTX-PRO-6000", "any"])
def test_gpus_are_named_as_modal_names_them(gpu: str) -> None:
    assert load(DEPLOY_GPU=gpu).gpu == gpu


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("DEPLOY_GPPU", "did you mean DEPLOY_GPU?"),
        ("DEPLOY_SCALEDOWN_WINDOW", "did you mean DEPLOY_SCALEDOWN_WINDOW_S?"),
        ("DEPLOY_QQQ", "known are DEPLOY_IMAGE, DEPLOY_NAME"),
    ],
)
def test_a_name_that_does_not_exist_is_an_error_with_a_hint(name: str, hint: str) -> None:
    with pytest.raises(InvalidSetting) as error:
        load(**{name: "1"})
    assert error.value.param == name
    assert hint in str(error.value)


@pytest.mark.parametrize(
    ("variables", "says", "param"),
    [
        (
            {"DEPLOY_MAX_INPUTS": "4"},
            "DEPLOY_TARGET_INPUTS=8 is more than DEPLOY_MAX_INPUTS=4",
            "DEPLOY_TARGET_INPUTS",
        ),
        (
            {"DEPLOY_MIN_CONTAINERS": "5"},
            "DEPLOY_MIN_CONTAINERS=5 is more than DEPLOY_MAX_CONTAINERS=4",
            "DEPLOY_MIN_CONTAINERS",
        ),
        (
            {"DEPLOY_VOICES_VOLUME": "chorus-weights"},
            "DEPLOY_VOICES_VOLUME=chorus-weights is DEPLOY_WEIGHTS_VOLUME too",
            "DEPLOY_VOICES_VOLUME",
        ),
    ],
)
def test_settings_that_exclude_each_other_are_named_together(variables: dict[str, str], says: str, param: str) -> None:
    with pytest.raises(InvalidSetting) as error:
        load(**variables)
    assert says in str(error.value)
    assert error.value.param == param


@pytest.mark.parametrize(
    "variables",
    [
        {"DEPLOY_MAX_INPUTS": "8"},
        {"DEPLOY_MIN_CONTAINERS": "4"},
    ],
)
def test_as_many_as_the_most_is_allowed(variables: dict[str, str]) -> None:
    assert load(**variables)


@pytest.mark.parametrize(
    ("model", "folder"),
    [
        ("coqui/XTTS-v2", f"/weights/models/xtts_v2/{REVISION}"),
        ("somebody/fine-tune", "/weights/models/somebody--fine-tune/main"),
        ("/weights/fine-tuned", "/weights/fine-tuned"),
        ("/weights/models/mine/3", "/weights/models/mine/3"),
    ],
)
def test_the_weights_folder_is_that_of_one_revision(model: str, folder: str) -> None:
    deployment = load(DEPLOY_MODEL=model)
    assert deployment.weights_folder == Path(folder)
    assert deployment.server_variables()["CHORUS_MODEL"] == folder


@pytest.mark.parametrize(
    ("model", "setting"),
    [
        ("off", "off"),
        ("Systran/faster-whisper-small", f"{installed_folder(Path('/weights'), 'Systran/faster-whisper-small')}"),
        ("/weights/mine", "/weights/mine"),
    ],
)
def test_whisper_is_a_folder_of_the_weights_volume_and_computes_on_the_cpu(model: str, setting: str) -> None:
    variables = load(DEPLOY_ASR_MODEL=model).server_variables()
    assert (variables["CHORUS_ASR_MODEL"], variables["CHORUS_ASR_DEVICE"]) == (setting, "cpu")


def test_a_folder_where_the_command_runs_is_not_taken_for_the_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "coqui/XTTS-v2").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    assert load().weights_folder == Path(f"/weights/models/xtts_v2/{REVISION}")


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"DEPLOY_GPU_SNAPSHOT": "1", "DEPLOY_CPU": "0.125", "DEPLOY_REGION": "us-east"},
        {"DEPLOY_MODEL": "/weights/fine-tuned", "DEPLOY_REGISTRY_SECRET": "registry", "DEPLOY_MAX_CONTAINERS": "1000"},
    ],
)
def test_a_container_reads_the_deployment_that_it_is_part_of(variables: dict[str, str]) -> None:
    deployment = load(**variables)
    assert load_deployment(deployment_variables(deployment)) == deployment
    assert deployment_variables(deployment).keys() == {
        f"DEPLOY_{field.upper()}" for field in Deployment.__struct_fields__
    }


def test_an_empty_variable_is_one_that_is_not_set() -> None:
    assert load_deployment({"DEPLOY_IMAGE": IMAGE, "DEPLOY_GPU": "", "DEPLOY_MODEL": ""}).gpu == "T4"
