"""Budgets of the code, checked because a rule that nobody checks is a wish.

`python -m tests.test_shape` prints the sizes. Imports are checked by `.importlinter`, style by ruff.
"""

import ast
import re
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.projects import Project, shell_environment

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "cosmos"
MODULES = sorted(PACKAGE.rglob("*.py"))
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]

MODULE_LINES = 300
FUNCTION_LINES = 60
FUNCTION_LINES_MEDIAN = 12
BROAD_EXCEPTS = 1  # the outermost loop of the daemon

UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK|NotImplementedError)\b")
LOG_METHODS = {"debug", "info", "warning", "error", "exception", "critical", "log"}

SLOW_TO_IMPORT = {"gradio", "paramiko", "sqlalchemy", "alembic", "av", "cv2", "numpy", "watchdog", "apprise"}
NOT_FOR_STATUS = SLOW_TO_IMPORT - {"numpy", "watchdog", "alembic"}


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def functions() -> dict[str, int]:
    """Lines of each function of the package, decorators and docstring included."""
    return {
        f"{name_of(path)}:{node.lineno}:{node.name}": (node.end_lineno or 0) - first_line(node) + 1
        for path, node in nodes()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


def first_line(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])


def nodes() -> Iterator[tuple[Path, ast.AST]]:
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            yield path, node


def modules() -> dict[str, int]:
    """Lines of each module of the package."""
    return {name_of(path): len(path.read_text(encoding="utf-8").splitlines()) for path in MODULES}


def test_no_module_is_too_long() -> None:
    lines = modules()
    assert {name: count for name, count in lines.items() if count > MODULE_LINES} == {}


def test_functions_are_short() -> None:
    lines = functions()
    assert {name: count for name, count in lines.items() if count > FUNCTION_LINES} == {}
    assert statistics.median(lines.values()) <= FUNCTION_LINES_MEDIAN


def test_no_exception_is_swallowed_without_being_named() -> None:
    broad = [
        f"{name_of(path)}:{node.lineno}" for path, node in nodes() if isinstance(node, CATCHING) and swallows_all(node)
    ]
    assert len(broad) <= BROAD_EXCEPTS, broad


CATCHING = (ast.ExceptHandler, ast.Call)


def swallows_all(node: ast.ExceptHandler | ast.Call) -> bool:
    """`except Exception`, bare or in a tuple, unless it ends by raising again; and `suppress(Exception)`."""
    if isinstance(node, ast.ExceptHandler):
        last = node.body[-1]
        raises_again = isinstance(last, ast.Raise) and last.exc is None
        return not raises_again and (node.type is None or any(is_everything(one) for one in ast.walk(node.type)))
    name = getattr(node.func, "id", getattr(node.func, "attr", ""))
    return name == "suppress" and any(is_everything(one) for one in node.args)


def is_everything(caught: ast.AST) -> bool:
    return isinstance(caught, ast.Name) and caught.id in {"Exception", "BaseException"}


def test_the_code_is_ascii_and_finished() -> None:
    found = [
        f"{name_of(path)}:{number}: {line.strip()}"
        for path in MODULES
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if not line.isascii() or UNFINISHED.search(line)
    ]
    assert found == []


def test_log_calls_have_constant_text() -> None:
    """`logger.info("%s starts", name)`: one message can be searched for, and nothing is formatted in vain."""
    found = [
        f"{name_of(path)}:{node.lineno}"
        for path, node in nodes()
        if isinstance(node, ast.Call) and is_log_call(node) and not isinstance(node.args[0], ast.Constant)
    ]
    assert found == []


def is_log_call(call: ast.Call) -> bool:
    method = call.func
    return (
        isinstance(method, ast.Attribute)
        and method.attr in LOG_METHODS
        and isinstance(method.value, ast.Name)
        and method.value.id in {"logger", "logging", "log"}
        and bool(call.args)
    )


def test_every_module_says_what_it_is() -> None:
    silent = [name_of(path) for path in MODULES if not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))]
    assert silent == []


FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"(?:\$ )?cosmos (?:-C \S+ )?([a-z][a-z-]*)")


def shell_words(page: Path) -> Iterator[str]:
    """Lines of shell blocks and code within sentences, where a reader would copy a command from."""
    text = page.read_text(encoding="utf-8")
    for language, block in FENCED.findall(text):
        if language in {"", "sh", "console"}:
            yield from block.splitlines()
    yield from re.findall(r"`([^`\n]+)`", FENCED.sub("", text))


def test_commands_in_the_documentation_exist() -> None:
    known = commands()
    unknown = [
        f"{name_of(page)}: {words}"
        for page in PAGES
        for words in shell_words(page)
        if (match := COMMAND.match(words)) and match[1] not in known
    ]
    assert unknown == []


def commands() -> set[str]:
    from typer.main import get_command

    from cosmos.cli.main import app

    found = set(getattr(get_command(app), "commands", ()))
    assert "plan" in found
    return found


def test_every_command_is_in_the_documentation() -> None:
    text = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    missing = [name for name in sorted(commands()) if f"cosmos {name}" not in text]
    assert missing == []


def test_specs_in_the_readme_are_valid(project: Project) -> None:
    blocks = [
        block for language, block in FENCED.findall((ROOT / "README.md").read_text("utf-8")) if language == "yaml"
    ]
    assert len(blocks) >= 2
    project.write("specs/city.yaml", "---\n".join(blocks))
    done = project.cosmos("validate")
    assert done.returncode == 0, done.stderr


def test_links_in_the_documentation_lead_somewhere() -> None:
    dead = [
        f"{name_of(page)}: {target}"
        for page in PAGES
        for target in re.findall(r"\]\(([^)#:]+)[^)]*\)", page.read_text(encoding="utf-8"))
        if not (page.parent / target).exists()
    ]
    assert dead == []


def imported(folder: Path, *words: str) -> set[str]:
    """Top-level modules that a command imports, by Python's own account."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "cosmos", *words],
        cwd=folder,
        env=shell_environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return {line.rpartition("|")[2].strip().partition(".")[0] for line in done.stderr.splitlines() if "|" in line}


def test_help_imports_nothing_slow(tmp_path: Path) -> None:
    found = imported(tmp_path, "--help")
    assert "cosmos" in found
    assert found & SLOW_TO_IMPORT == set()


def test_status_after_a_look_imports_nothing_slow(project: Project) -> None:
    assert project.cosmos("plan").returncode == 0
    assert imported(project.root, "status") & NOT_FOR_STATUS == set()


def sizes(lines: dict[str, int]) -> str:
    longest = max(lines, key=lambda name: lines[name])
    middle = statistics.median(lines.values())
    return f"{len(lines)}, {sum(lines.values())} lines, median {middle:.0f}, longest {lines[longest]} ({longest})"


if __name__ == "__main__":
    print(f"modules:   {sizes(modules())}\nfunctions: {sizes(functions())}")  # noqa: T201
