"""The README's way to a speaking container, to the letter."""

import os
import socket
import subprocess
from pathlib import Path

from tests.support.container import CPU, ROOT, project
from tests.support.documents import blocks


def test_the_commands_for_a_host_without_a_gpu_run(image: str, tmp_path: Path) -> None:
    (block,) = [block for block in blocks("sh") if CPU in block]
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with project(image, CPU) as compose:
        environ = os.environ | {"COMPOSE_PROJECT_NAME": compose.name, "IMAGE": image, "CHORUS_PORT": str(port)}
        script = block.replace(CPU, str(ROOT / CPU)).replace(":8000", f":{port}")
        subprocess.run(["sh", "-euc", script], cwd=tmp_path, env=environ, check=True, timeout=120)
        assert compose.containers("chorus") == []
    assert (tmp_path / "hello.wav").stat().st_size > 1000
