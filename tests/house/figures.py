"""Figures of the code base: `python -m tests.house.figures` prints them, test_figures.py holds those with a limit."""

import ast
import io
import re
import statistics
import tokenize
from collections import Counter
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import grimp

ROOT = Path(__file__).parents[2]
FOLDERS = ("app", "docker", "modal_deploy", "requirements", "tests")
NOUN_CLAUSE = re.compile(r"(What|Who|Whether|Of|Where)\b")
"""A docstring that begins so names a thing by a clause and not by its word."""


PRAGMA = re.compile(r"(noqa|pyright|type|fmt): ?\S*")


def python_files(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def docstrings(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """(line, text) of each docstring of a module, class or function, and of each one under a variable or a field."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        for position, statement in enumerate(node.body):
            match statement:
                case ast.Expr(value=ast.Constant(value=str(text))):
                    if position == 0 or isinstance(node.body[position - 1], ast.Assign | ast.AnnAssign):
                        yield statement.lineno, text


def noun_clauses() -> list[str]:
    """Place and beginning of each docstring that begins with What, Who, Whether, Of or Where."""
    return [
        f"{relative(path)}:{line}: {text.split('.')[0][:80]}"
        for path in python_files(*FOLDERS)
        for line, text in docstrings(ast.parse(path.read_text()))
        if NOUN_CLAUSE.match(text.strip())
    ]


def words_of_prose(source: str) -> int:
    """Words in the docstrings and comments of a module, separated by white space; pragmas for tools are left out."""
    in_docstrings = sum(len(text.split()) for _, text in docstrings(ast.parse(source)))
    comments = (
        token.string.lstrip("# ")
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type == tokenize.COMMENT
    )
    return in_docstrings + sum(len(PRAGMA.sub("", comment).split()) for comment in comments)


def words_of_rooms() -> dict[str, int]:
    """Words in docstrings and comments of each folder directly below app/."""
    rooms: Counter[str] = Counter()
    for path in python_files("app"):
        parts = path.relative_to(ROOT / "app").parts
        rooms[parts[0] if len(parts) > 1 else ""] += words_of_prose(path.read_text())
    return dict(sorted(rooms.items()))


def words_of_documents() -> int:
    """Words of README.md and of docs/, with tables and code, as `wc -w` counts them."""
    documents = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    return sum(len(path.read_text().split()) for path in documents)


def imported_modules(tree: ast.Module) -> Iterator[str]:
    """Absolute names of the modules that `tree` imports; of `from a import b` both `a` and `a.b`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def imported_test_modules(source: str) -> list[str]:
    """Modules test_*.py, conftest.py or __main__.py of the tests that `source` imports."""
    names = imported_modules(ast.parse(source))
    return [name for name in names if re.fullmatch(r"tests\.(.+\.)?(test_\w+|conftest|__main__)", name)]


def imports_between_test_modules() -> list[str]:
    """File and imported module of each."""
    return [
        f"{relative(path)}: {name}"
        for path in python_files("tests")
        for name in imported_test_modules(path.read_text())
    ]


def lines_of_app() -> dict[str, int]:
    """Lines of each source file of app/, blank ones and comments included."""
    return {relative(path): len(path.read_text().splitlines()) for path in python_files("app")}


def import_circle() -> list[str]:
    """Modules of app/ that import each other in a circle; empty when there is none."""
    graph = grimp.build_graph("app")
    imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as error:
        return error.args[1]
    return []


def main() -> None:
    lines = lines_of_app()
    rows = (
        ("docstrings that begin with What, Who, Whether, Of, Where", len(noun_clauses())),
        ("words in README and docs", words_of_documents()),
        ("imports between test modules", len(imports_between_test_modules())),
        ("source lines of app/, blank ones and comments included", sum(lines.values())),
        ("largest file of app/", max(lines.values())),
        ("median file of app/", round(statistics.median(lines.values()))),
        ("modules in an import circle", len(import_circle())),
    )
    for name, figure in rows:
        print(f"| {name} | {figure:,} |")
    for room, words in words_of_rooms().items():
        print(f"| words in docstrings and comments of app/{room} | {words:,} |")


if __name__ == "__main__":
    main()
