import os
import subprocess
import sys
from pathlib import Path

import pytest

from app.engine.xtts.device.driver import Cuda, choose_device, read_torch_cuda
from app.errors import EngineUnavailable

OLD, NEW = Cuda(12, 4), Cuda(13, 0)


@pytest.mark.parametrize(
    ("wanted", "driver", "num_gpus", "torch_cuda", "device"),
    [
        ("auto", None, 0, NEW, "cpu"),
        ("auto", NEW, 0, NEW, "cpu"),
        ("auto", NEW, 1, None, "cpu"),
        ("auto", NEW, 1, NEW, "cuda"),
        ("auto", Cuda(13, 2), 1, NEW, "cuda"),
        ("auto", Cuda(12, 2), 1, Cuda(12, 6), "cuda"),  # within a major version any driver runs any minor one
        ("cuda", NEW, 2, NEW, "cuda"),
        ("cpu", OLD, 1, NEW, "cpu"),
    ],
)
def test_the_device(wanted: str, driver: Cuda | None, num_gpus: int, torch_cuda: Cuda | None, device: str) -> None:
    assert choose_device(wanted, driver=driver, num_gpus=num_gpus, torch_cuda=torch_cuda) == device  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("wanted", "driver", "num_gpus", "torch_cuda", "says"),
    [
        ("auto", OLD, 1, NEW, "torch is built for CUDA 13.0, which needs NVIDIA driver 580 or newer"),
        ("cuda", OLD, 1, NEW, "the driver here.* runs CUDA 12.4 at most"),
        ("cuda", None, 0, NEW, "no NVIDIA driver can be seen"),
        ("cuda", NEW, 0, NEW, "no GPU can be seen"),
        ("cuda", NEW, 1, None, "built for CPUs only"),
    ],
)
def test_a_gpu_that_cannot_be_used_is_told_never_replaced_in_silence(
    wanted: str, driver: Cuda | None, num_gpus: int, torch_cuda: Cuda | None, says: str
) -> None:
    with pytest.raises(EngineUnavailable, match=says) as caught:
        choose_device(wanted, driver=driver, num_gpus=num_gpus, torch_cuda=torch_cuda)  # type: ignore[arg-type]
    assert "CHORUS_DEVICE=cpu" in str(caught.value)


def test_torch_is_asked_for_its_cuda_without_being_imported() -> None:
    import torch

    assert torch.version.cuda is not None
    assert str(read_torch_cuda()) == torch.version.cuda
    script = (
        "import sys; from app.engine.xtts.device.driver import find_device; find_device('auto'); "
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


@pytest.mark.slow
@pytest.mark.parametrize("command", ["serve", "doctor"])
def test_a_driver_too_old_for_torch_ends_the_start_in_one_line_with_both_versions(
    old_driver: Path, tiny_checkpoint: Path, tmp_path: Path, command: str
) -> None:
    environ = os.environ | {
        "LD_LIBRARY_PATH": str(old_driver),
        "CHORUS_ENGINE": "xtts",
        "CHORUS_MODEL": str(tiny_checkpoint),
        "CHORUS_DATA": str(tmp_path),
    }
    arguments = [command, "--quiet"] if command == "doctor" else [command]
    ended = subprocess.run(
        [sys.executable, "-m", "app", *arguments], env=environ, capture_output=True, text=True, check=False, timeout=60
    )
    assert ended.returncode == 1
    (line,) = (ended.stdout + ended.stderr).strip().splitlines()
    assert "torch is built for CUDA 13.0" in line
    assert "the driver here" in line
    assert "runs CUDA 12.4 at most" in line
