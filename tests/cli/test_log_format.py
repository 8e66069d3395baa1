"""The log as JSON: one object a line on stderr, whatever happens, and nothing in it that lets anybody in."""

import json
import re
import subprocess
import sys
from typing import Any

import pytest

from cosmos.cli.logs import without_secrets
from tests.cli.console import Console, Done
from tests.engine.workshop import runs
from tests.projects import TIMEOUT_S, shell_environment

MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


@pytest.fixture
def shop(console: Console) -> Console:
    console.specs(runs("one"))
    return console


def logged(stderr: str) -> list[dict[str, Any]]:
    """Every line of stderr."""
    found = [json.loads(line) for line in stderr.splitlines()]
    assert all({"ts", "level", "logger", "msg"} <= entry.keys() and MOMENT.fullmatch(entry["ts"]) for entry in found)
    return found


def test_what_cosmos_does_is_logged_as_objects(shop: Console) -> None:
    done = shop.cosmos("-v", "--log-format", "json", "apply", "--yes")
    assert done.returncode == 0
    found = logged("".join(line for line in done.stderr.splitlines(keepends=True) if line.startswith("{")))
    assert {entry["level"] for entry in found} == {"INFO"}
    assert {entry["logger"].partition(".")[0] for entry in found} == {"cosmos"}
    assert not re.search("^[^{].* INFO ", done.stderr, re.MULTILINE)


def test_without_verbose_only_what_is_wrong_is_logged(shop: Console) -> None:
    done = shop.cosmos("--log-format=json", "plan")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("words", "code", "level", "name"),
    [
        (("show", "absent"), 1, "ERROR", "NotFound"),
        (("plan", "--colour"), 64, "ERROR", "Usage"),
        (("validte",), 64, "ERROR", "Usage"),
    ],
)
def test_an_error_that_ends_the_command_is_an_object_too(
    shop: Console, words: tuple[str, ...], code: int, level: str, name: str
) -> None:
    done = shop.cosmos("--log-format", "json", *words)
    assert done.returncode == code
    (entry,) = logged(done.stderr)
    assert (entry["level"], entry["code"], entry["logger"]) == (level, name, "cosmos.cli")
    assert entry["msg"]
    assert entry["hint"]


def test_a_format_that_there_is_not_is_refused(shop: Console) -> None:
    done = shop.cosmos("--log-format", "xml", "plan")
    assert done.returncode == 64
    assert "'xml'" in done.stderr


PROGRAM = """
import logging, threading, warnings
from cosmos.cli import logs
from cosmos.cli.options import LogFormat

logs.start(1, LogFormat.{form})
{does}
"""


def program(form: str, does: str) -> Done:
    words = [sys.executable, "-c", PROGRAM.format(form=form, does=does)]
    return subprocess.run(
        words, env=shell_environment(), capture_output=True, text=True, timeout=TIMEOUT_S, check=False
    )


@pytest.mark.parametrize(
    "does",
    [
        "raise ValueError('a\\nb \\u00e9')",
        "def f():\n    raise ValueError('a\\nb \\u00e9')\nt = threading.Thread(target=f)\nt.start()\nt.join()",
        "try:\n    raise ValueError('a\\nb \\u00e9')\nexcept ValueError:\n    logging.exception('it')",
    ],
    ids=["main thread", "thread", "logged"],
)
def test_an_exception_is_one_line(does: str) -> None:
    done = program("JSON", does)
    assert done.stderr.isascii()
    (entry,) = logged(done.stderr)
    assert entry["level"] in ("CRITICAL", "ERROR")
    assert entry["exception"].startswith("Traceback")
    assert entry["exception"].endswith("ValueError: a\nb \u00e9")


def test_what_libraries_warn_of_and_extra_fields_are_logged() -> None:
    done = program(
        "JSON", "warnings.warn('old'); logging.getLogger('cosmos').info('%s', 'a \"b\"', extra={'run': 'x'})"
    )
    old, info = logged(done.stderr)
    assert (old["level"], old["logger"]) == ("WARNING", "py.warnings")
    assert (info["msg"], info["run"]) == ('a "b"', "x")


@pytest.mark.parametrize("form", ["JSON", "TEXT"])
def test_no_secret_of_an_url_is_logged(form: str) -> None:
    does = (
        "log = logging.getLogger('cosmos.x')\n"
        "log.info('from %s', 'https://ghp_SECRET@git.example/city.git')\n"
        "try:\n    raise OSError('postgresql+psycopg://me:SECRET@db/cosmos')\n"
        "except OSError:\n    log.exception('no %s', 'postgresql://me:SECRET/x@y@db/cosmos'.replace('/x', ''))"
    )
    done = program(form, does)
    assert "SECRET" not in done.stderr
    assert done.stderr.count("***@") == 3
    assert "https://***@git.example/city.git" in done.stderr
    assert "postgresql+psycopg://me:***@db/cosmos" in done.stderr


@pytest.mark.parametrize(
    "text",
    ["ssh://git@git.example/city.git", "git@git.example:city.git", "http://127.0.0.1:9464/hook", "me@x: see a://b"],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert without_secrets(text) == text
