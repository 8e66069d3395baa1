"""Every mistake a person can make ends in words with a place and a next step: no traceback, no half answer.

Each is tried on the command that meets it first. The file that is wrong stops nobody else's runs.
"""

import json
import re
import sqlite3
import subprocess
from itertools import pairwise
from pathlib import Path

import pytest

from cosmos.cli.main import main
from tests.cli.console import Console, Done
from tests.engine.workshop import PROMPT, runs
from tests.media import write_video

PREVIEW = "kind: Run\nname: look\nmodel: preview\ncontrols: {depth: 0.5}\ninputs: inputs/city\n"
RUN = "kind: Run\nname: odd\nprompt: rain\nmodel: echo\n"


def complaint(done: Done) -> str:
    """stderr of a command that refused, as it must be."""
    assert done.returncode == 1, done
    assert "Traceback" not in done.stdout + done.stderr
    return done.stderr


@pytest.fixture
def shop(console: Console) -> Console:
    """A project with one good run, `one`, in specs/all.yaml."""
    console.specs(runs("one"))
    return console


SPECS = {
    "an unknown field": (RUN + "steps_: 3\n", 'odd.yaml:5:1: error[E012] run "odd": unknown field "steps_"'),
    "an unknown parameter": (RUN + "params: {wrod: x}\n", "odd.yaml:5:16: error[E030]"),
    "a duplicate key": (RUN + "model: echo\n", "odd.yaml:5:1: error[E005]"),
    "a dangling prompt": (RUN.replace("rain", "rian"), 'odd.yaml:3:9: error[E015] run "odd": '),
    "a cycle": (RUN + "needs: [odd]\n", "odd.yaml:5:9: error[E016]"),
    "a missing input": (PREVIEW, "odd.yaml:5:9: error[E020]"),
    "a second spec of the name": (RUN.replace("odd", "one"), "odd.yaml:2:7: error[E011]"),
    "a name with a path": (RUN.replace("odd", "../odd"), "odd.yaml:2:7: error[E010]"),
    "a name in upper case": (RUN.replace("odd", "Odd"), "odd.yaml:2:7: error[E010]"),
    "a bomb of aliases": (
        "a: &a [x, x]\n" + "".join(f"{b}: &{b} [{', '.join(['*' + a] * 9)}]\n" for a, b in pairwise("abcdefgh")),
        "error[E003]",
    ),
    "an empty file": ("", "odd.yaml:1:1: error[E006] no spec in this file"),
    "a line of a megabyte": (f"text: {'x' * 1_000_000}\n", "odd.yaml:1:1: error[E003]"),
    "no YAML": ("kind: [Run\n", "error[E004]"),
    "a tab": ("kind: Run\n\tname: odd\n", "odd.yaml:2:1: error[E004]"),
}


@pytest.mark.parametrize("words", [["plan", "odd"], ["apply", "--yes", "odd"], ["logs", "odd"], ["show", "run/odd"]])
def test_a_run_that_a_problem_holds_back_is_not_called_absent(shop: Console, words: list[str]) -> None:
    (shop.root / "specs" / "odd.yaml").write_text(RUN + "steps_: 3\n")
    said = complaint(shop.cosmos(*words))
    assert '"odd" cannot be used: its spec, or one that it depends on, has a problem' in said
    assert "cosmos validate names it" in said
    assert 'nothing is called "absent"' in complaint(shop.cosmos("plan", "absent"))


@pytest.mark.parametrize("case", SPECS)
def test_a_spec_with_a_mistake_is_named_with_its_place(
    shop: Console, case: str, capsys: pytest.CaptureFixture[str]
) -> None:
    text, expected = SPECS[case]
    (shop.root / "specs" / "odd.yaml").write_text(text)
    code = main(["-C", str(shop.root), "validate"])
    lines = capsys.readouterr()

    assert (code, lines.err) == (1, "")
    *problems, last = lines.out.splitlines()
    assert all(problem.startswith("specs/") for problem in problems)
    assert any("specs/odd.yaml:" in problem and expected in problem for problem in problems)
    assert len(max(problems, key=len)) < 400
    assert re.match(r"\d specs? in 2 files, \d runs?: \d problems?", last)


def test_a_mistake_stops_nobody_elses_run(shop: Console) -> None:
    (shop.root / "specs" / "odd.yaml").write_text(RUN + "steps_: 3\n")
    done = shop.cosmos("apply", "--yes")

    assert "specs/odd.yaml:5:1: error[E012]" in complaint(done)
    assert done.stdout.endswith("1 in sync.\n")
    assert shop.launches == ["one"]
    assert "specs/odd.yaml:5:1" in complaint(shop.cosmos("plan"))
    assert "1 problem in the specs" in shop.cosmos("status").stdout


def test_a_run_whose_spec_breaks_keeps_what_it_has(shop: Console) -> None:
    shop.apply()
    good = (shop.root / "specs" / "all.yaml").read_text()
    (shop.root / "specs" / "all.yaml").write_text(good + "steps_: 3\n")
    done = shop.cosmos("apply", "--yes")

    assert "E012" in complaint(done)
    assert shop.output("one") == "Heavy rain one"
    (shop.root / "specs" / "all.yaml").write_text(good)
    assert shop.cosmos("apply", "--yes").stdout.startswith("No changes.")
    assert shop.launches == ["one"]


def test_problems_as_json_have_places(shop: Console) -> None:
    (shop.root / "specs" / "odd.yaml").write_text(RUN + "steps_: 3\n")
    done = shop.cosmos("validate", "-o", "json")
    document = json.loads(done.stdout)

    assert (done.returncode, done.stderr, document["valid"]) == (1, "", False)
    (problem,) = document["problems"]
    assert (problem["file"], problem["line"], problem["column"]) == ("specs/odd.yaml", 5, 1)
    assert (problem["code"], problem["subject"]) == ("E012", 'run "odd"')
    assert document["runs"] == ["one"]


def test_text_that_is_not_utf8(shop: Console) -> None:
    (shop.root / "specs" / "odd.yaml").write_bytes(b"kind: Prompt\nname: odd\ntext: caf\xe9\n")
    done = shop.cosmos("validate")
    assert "specs/odd.yaml:3:10: error[E002] byte 0xE9 is not UTF-8" in done.stdout


def test_a_folder_in_place_of_a_file(shop: Console) -> None:
    (shop.root / "specs" / "odd.yaml").mkdir()
    done = shop.cosmos("validate")
    assert done.returncode in (0, 1)
    assert "Traceback" not in done.stdout + done.stderr


def test_a_file_that_is_no_file(shop: Console) -> None:
    """A link to nowhere: what is named and cannot be opened."""
    (shop.root / "specs" / "odd.yaml").symlink_to("nowhere.yaml")
    done = shop.cosmos("validate")
    assert "specs/odd.yaml:1:1: error[E001] cannot be read" in done.stdout


def test_an_input_that_is_no_video(shop: Console, scene: Path) -> None:
    folder = shop.root / "inputs" / "city"
    folder.mkdir(parents=True)
    (folder / "color.mp4").write_bytes((scene / "color.mp4").read_bytes())
    (folder / "depth.mp4").write_text("not a video")
    (shop.root / "specs" / "odd.yaml").write_text(PREVIEW)
    done = shop.cosmos("validate")

    assert done.returncode == 1
    assert 'specs/odd.yaml:5:9: error[E021] run "look": input depth: inputs/city/depth.mp4: ' in done.stdout


def test_inputs_of_different_lengths(shop: Console) -> None:
    folder = shop.root / "inputs" / "city"
    write_video(folder / "color.mp4", frames=12)
    write_video(folder / "depth.mp4", frames=9)
    (shop.root / "specs" / "odd.yaml").write_text(PREVIEW)
    done = shop.cosmos("validate")

    assert done.returncode == 1
    assert re.search(r"specs/odd\.yaml:5:9: error\[E022\] run \"look\": .*12.*9|9.*12", done.stdout)


def test_every_error_is_named_at_once(shop: Console) -> None:
    (shop.root / "specs" / "odd.yaml").write_text(RUN + "steps_: 3\n---\n" + RUN.replace("odd", "two") + "prio: 1\n")
    (shop.root / "specs" / "more.yaml").write_text("kind: Car\n")
    done = shop.cosmos("validate")

    assert re.findall(r"^specs/(\S+?:\d+):\d+: error\[(E\d+)\]", done.stdout, re.MULTILINE) == [
        ("more.yaml:1", "E006"),
        ("odd.yaml:5", "E012"),
        ("odd.yaml:11", "E012"),
    ]


def test_no_project_here(tmp_path: Path) -> None:
    nowhere = Console(tmp_path / "nowhere")
    (nowhere.root / "cosmos.toml").unlink()
    (nowhere.root / "specs").rmdir()
    for words in (["plan"], ["status"], ["validate"], ["list", "runs"], ["logs", "one"]):
        done = nowhere.cosmos(*words)
        assert re.match(r"error: \S+ is not a cosmos project: .*\n  make one with `cosmos init`", complaint(done)), (
            words
        )
        assert done.stdout == ""


def test_no_folder_of_specs(console: Console) -> None:
    (console.root / "specs").rmdir()
    text = complaint(console.cosmos("plan"))
    assert "specs" in text


def test_a_configuration_that_is_wrong(shop: Console) -> None:
    (shop.root / "cosmos.toml").write_text("[hosts.local]\nslot = 2\n")
    text = complaint(shop.cosmos("plan"))
    assert text.startswith("error: cosmos.toml: hosts.local.slot: unknown key\n")
    (shop.root / "cosmos.toml").write_text("[hosts\n")
    assert "cosmos.toml: " in complaint(shop.cosmos("status"))


def test_outputs_that_cannot_be_written(shop: Console) -> None:
    (shop.root / "outputs").write_text("in the way")
    text = complaint(shop.cosmos("apply", "--yes"))
    assert "outputs" in text


def test_a_database_that_is_none(shop: Console) -> None:
    (shop.root / ".cosmos").mkdir()
    (shop.root / ".cosmos" / "state.db").write_bytes(b"this is not a database, and long enough to be read as one" * 99)
    for words in (["plan"], ["status"], ["apply", "--yes"]):
        assert "state.db" in complaint(shop.cosmos(*words)), words


def test_a_database_that_another_program_holds(shop: Console) -> None:
    shop.apply()
    with sqlite3.connect(shop.root / ".cosmos" / "state.db", isolation_level=None) as other:
        other.execute("BEGIN EXCLUSIVE")
        text = complaint(shop.cosmos("plan"))
        other.execute("ROLLBACK")
    other.close()
    assert "locked" in text


def test_a_prompt_reaches_the_program_byte_for_byte(console: Console) -> None:
    text = "a \"b\" 'c' $(touch x) `touch y` $HOME \\n; * ? {{x}} \U0001f327 caf\u00e9\n  two  \n"
    spec = PROMPT.replace("text: Heavy rain", f"text: {json.dumps(text, ensure_ascii=False)}")
    console.specs(runs("one").replace("prompt: rain", "prompt: odd") + spec.replace("name: rain", "name: odd"))
    done = console.cosmos("apply", "--yes")

    assert done.returncode == 0, done.stdout + done.stderr
    assert console.output("one") == f"{text} one"
    assert not list(console.root.rglob("[xy]"))


def test_a_mistake_in_the_command_line_is_64(shop: Console) -> None:
    for words, hint in (
        (["plna"], "cosmos --help"),
        (["plan", "--fast"], "cosmos plan --help"),
        (["show"], "cosmos show"),
    ):
        done = shop.cosmos(*words)
        assert (done.returncode, done.stdout) == (64, ""), words
        assert done.stderr.startswith("error: "), words
        assert f"{hint}" in done.stderr, words


def test_errors_of_a_json_command_are_json_too(shop: Console) -> None:
    for words, code in ((["plan", "nix"], "NotFound"), (["plan", "--fast"], "Usage"), (["plan", "-l", "="], "Refused")):
        done = shop.cosmos(*words, "-o", "json")
        error = json.loads(done.stderr)["error"]
        assert done.stdout == "", words
        assert (error["code"], error["problems"]) == (code, []), words
        assert error["message"], words
        assert error["hint"], words


def test_a_fault_of_the_program_shows_no_traceback_unless_asked(shop: Console) -> None:
    """A library that is broken: nothing that cosmos could foresee."""
    broken = shop.root / "broken"
    broken.mkdir()
    (broken / "alembic.py").write_text("raise RuntimeError('out of order')\n")
    quiet = shop.cosmos("plan", PYTHONPATH=str(broken))
    loud = shop.cosmos("-v", "plan", PYTHONPATH=str(broken))

    assert (quiet.returncode, loud.returncode) == (1, 1)
    assert quiet.stderr.startswith("error: a fault of cosmos, not of yours: RuntimeError: out of order\n")
    assert "cosmos -v" in quiet.stderr
    assert "Traceback" in loud.stderr


def test_logging_goes_to_stderr_when_asked_for(shop: Console) -> None:
    done = shop.cosmos("-v", "apply", "--yes")
    assert re.search(r"INFO cosmos\.", done.stderr)
    assert "INFO" not in done.stdout


@pytest.mark.needs("mount")
def test_a_disk_that_is_full_while_publishing_is_named_and_heals(console: Console) -> None:
    console.specs(runs("one"), program='head -c 4000000 /dev/zero > "$3"')
    outputs = console.root / "outputs"
    outputs.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(outputs)], check=True)
    try:
        full = console.cosmos("apply", "--yes", "--timeout", "3s")
        subprocess.run(["mount", "-o", "remount,size=64m", str(outputs)], check=True)
        done = console.cosmos("apply", "--yes")
    finally:
        subprocess.run(["umount", "--lazy", str(outputs)], check=True)

    assert full.returncode == 5, full
    assert re.search(r"one: cannot publish to \S+: the disk is full; .* \(tried again by itself\)$", full.stderr, re.M)
    assert all(re.match(r"\d\d:\d\d:\d\d one|Time is up|  cosmos", line) for line in full.stderr.splitlines())
    assert (done.returncode, console.launches) == (0, ["one"]), done
