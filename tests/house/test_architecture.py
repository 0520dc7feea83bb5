"""Rules of app/: environment, errors, imports, declared packages."""

import ast
import importlib.metadata
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

from app.errors import ChorusError
from app.http.wire.errors import STATUS
from tests.house.figures import ROOT, python_files, relative

SOURCES = python_files("app")
ENVIRONMENT = {"environ", "environb", "getenv", "getenvb", "putenv", "unsetenv"}


def environment_reads(tree: ast.Module) -> Iterator[int]:
    """Line numbers of `os.environ` and its relatives, also under another name for `os`."""
    os_names = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
        if alias.name in ("os", "posix")
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module in ("os", "posix"):
            if ENVIRONMENT & {alias.name for alias in node.names}:
                yield node.lineno
        elif isinstance(node, ast.Attribute) and node.attr in ENVIRONMENT and ast.unparse(node.value) in os_names:
            yield node.lineno


def subclasses(parent: type) -> set[type]:
    """Classes of `app` that inherit from `parent`; tests define some of their own."""
    return {child for child in descendants(parent) if child.__module__.startswith("app.")}


def descendants(parent: type) -> set[type]:
    return {child for direct in parent.__subclasses__() for child in (direct, *descendants(direct))}


def imported_packages(tree: ast.Module) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names.add(node.module.partition(".")[0])
    return names


def distribution_name(requirement: str) -> str:
    return re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0].lower().replace("_", "-")


def test_only_settings_reads_the_environment() -> None:
    reads = [
        f"{relative(path)}:{line}"
        for path in SOURCES
        if relative(path) != "app/settings.py"
        for line in environment_reads(ast.parse(path.read_text()))
    ]
    assert reads == []


def test_the_walk_sees_settings_read_the_environment() -> None:
    """Guards the test above: a walk that finds nothing anywhere would always pass."""
    assert list(environment_reads(ast.parse((ROOT / "app/settings.py").read_text())))


def test_every_error_class_has_a_status() -> None:
    ours = {ChorusError, *subclasses(ChorusError)}
    assert len(ours) > 10
    assert {cls.__name__ for cls in ours - set(STATUS)} == set()
    assert all(400 <= code < 600 for code in STATUS.values())


def test_error_classes_are_born_in_the_errors_module() -> None:
    """Elsewhere, one in a module that is loaded late would escape the test above."""
    tree = {"ChorusError", *(cls.__name__ for cls in subclasses(ChorusError))}
    elsewhere = [
        f"{relative(path)}:{node.lineno}: {node.name}"
        for path in SOURCES
        if relative(path) != "app/errors.py"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ClassDef) and tree & {ast.unparse(base).rpartition(".")[2] for base in node.bases}
    ]
    assert elsewhere == []


def test_the_import_contract_holds() -> None:
    lint_imports = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([lint_imports], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


NEEDS_XTTS = ("app/engine/xtts/", "app/bench/compare.py", "app/bench/coqui.py")
NEEDS_ASR = "app/asr/whisper/"
NEEDS_C2PA = ("app/speech/signing/", "app/audio/found_credentials.py")
NEEDS_EITHER = "app/weights/"


def test_what_app_imports_is_declared() -> None:
    """The test environment holds more than the server's: an undeclared import works there and fails for a user."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    core = {distribution_name(entry) for entry in project["dependencies"]}
    xtts = core | {distribution_name(entry) for entry in project["optional-dependencies"]["xtts"]}
    asr = core | {distribution_name(entry) for entry in project["optional-dependencies"]["asr"]}
    c2pa = core | {distribution_name(entry) for entry in project["optional-dependencies"]["c2pa"]}
    providers = importlib.metadata.packages_distributions() | {
        "TTS": ["coqui-tts"],
        "c2pa": ["c2pa-python"],
        "cuda": ["cuda-bindings"],
    }

    undeclared: list[str] = []
    for path in SOURCES:
        name = relative(path)
        declared = xtts if name.startswith(NEEDS_XTTS) else asr if name.startswith(NEEDS_ASR) else core
        if name.startswith(NEEDS_C2PA):
            declared = c2pa
        if name.startswith(NEEDS_EITHER):
            declared = xtts & asr
        for package in imported_packages(ast.parse(path.read_text())) - sys.stdlib_module_names - {"app"}:
            names = {name.lower().replace("_", "-") for name in providers.get(package, [package])}
            if not names & declared:
                undeclared.append(f"{name}: {package}")
    assert undeclared == []
