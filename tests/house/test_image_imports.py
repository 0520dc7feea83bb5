"""docker/imports.py covers what a server of the image loads; tests/container looks at the image itself."""

import json
import subprocess
import sys

import pytest

from tests.support.documents import ROOT
from tests.support.server_imports import SERVER_IMPORTS

LOADED_AFTER_IMPORTS = (
    "import json, runpy, sys\nrunpy.run_path('docker/imports.py')\nbefore = set(sys.modules)\n"
    + SERVER_IMPORTS
    + "new = {name: getattr(sys.modules[name], '__file__', None) or '' for name in set(sys.modules) - before}\n"
    "print(json.dumps([name for name, file in new.items() if 'site-packages' in file and not name.startswith('app')]))"
)


@pytest.mark.slow
def test_docker_imports_lists_every_package_that_a_server_loads() -> None:
    pytest.importorskip("TTS", reason="TTS is not installed (make xtts)")
    pytest.importorskip("c2pa", reason="c2pa-python is not installed (make c2pa)")
    command = [sys.executable, "-c", LOADED_AFTER_IMPORTS]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr[-2000:]
    assert json.loads(result.stdout.splitlines()[-1]) == []
