"""The `chorus` command in a process of its own."""

import os
import subprocess
import sys


def chorus(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "app", *arguments],
        env=os.environ | environ, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
