"""What is shown of a project, in each form, and that a form is nothing but that form."""

import json
import re
from pathlib import Path

import pytest

from tests.cli.console import Console, wait_until
from tests.engine.workshop import MODEL, runs

TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")

FORMS = [
    ["validate"],
    ["plan"],
    ["status"],
    ["list", "runs"],
    ["list", "prompts"],
    ["list", "models"],
    ["list", "hosts"],
    ["show", "one"],
    ["show", "prompt/rain"],
    ["show", "model/echo"],
    ["explain", "one"],
]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Console:
    """`one` is made; `two` has failed. Only for looking at."""
    console = Console(tmp_path_factory.mktemp("made"))
    program = '[ "$2" != two ] || { echo no good >&2; exit 3; }; printf "%s %s" "$1" "$2" > "$3"'
    console.specs(runs("one", more="labels: {scene: city}") + runs("two"), program=program)
    console.apply()
    return console


def test_json_is_one_document_alone(made: Console) -> None:
    for words in FORMS:
        done = made.cosmos(*words, "-o", "json")
        document = json.loads(done.stdout)

        assert (done.returncode, done.stderr) == (0, ""), words
        assert document["format_version"] == 1, words


def test_status_tells_where_runs_stand_and_what_to_do_next(made: Console) -> None:
    done = made.cosmos("status")

    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["NAME", "SYNC", "PHASE", "HOST", "ATTEMPT", "AGE", "MESSAGE"]
    assert lines[1].split()[:4] == ["one", "Synced", "Succeeded", "local"]
    assert lines[2].split()[:4] == ["two", "OutOfSync", "Failed", "local"]
    assert "! two: ProgramFailed: " in done.stdout
    assert "cosmos logs two" in done.stdout
    assert "cosmos retry two" in done.stdout
    assert re.search(r"^1 in sync, 1 failed\. Looked \d+s ago\.$", done.stdout, re.MULTILINE)
    assert done.stderr == ""


def test_status_as_json_has_times_as_text(made: Console) -> None:
    document = json.loads(made.cosmos("status", "-o", "json").stdout)

    assert TIME.match(document["looked_at"])
    assert document["counts"] == {"Succeeded": 1, "Failed": 1}
    failed = document["runs"][1]
    assert (failed["key"], failed["phase"], failed["reason"]) == ("two", "Failed", "ProgramFailed")
    assert TIME.match(failed["since"])


def test_names_are_for_pipes(made: Console) -> None:
    assert made.cosmos("status", "-o", "name").stdout == "one\ntwo\n"
    assert made.cosmos("list", "runs", "-l", "scene=city", "-o", "name").stdout == "one\n"
    assert made.cosmos("list", "models", "echo", "-o", "name").stdout == "echo\n"


def test_status_says_when_the_specs_have_changed_since(console: Console) -> None:
    console.specs(runs("one"))
    console.plan_text()
    assert "changed" not in console.cosmos("status").stdout
    console.specs(runs("one", "three"))
    text = console.cosmos("status").stdout

    assert "The specs have changed since: cosmos plan shows what that means." in text


def test_status_of_a_project_that_was_never_looked_at(console: Console) -> None:
    console.specs(runs("one"))
    assert console.cosmos("status", "--no-look").stdout == "No runs. Never looked.\n"
    assert console.cosmos("status").stdout.splitlines()[1].split()[:3] == ["one", "OutOfSync", "Pending"]


def test_status_says_whether_anybody_works_on_what_is_left(console: Console) -> None:
    nobody = "No cosmos is at work here: cosmos apply goes on with what is left."
    console.specs(runs("one"), program=console.slow())
    assert nobody in console.cosmos("status").stdout
    controller = console.start("apply", "--yes")
    wait_until(lambda: bool(console.launches))
    assert nobody not in console.cosmos("status").stdout
    assert json.loads(console.cosmos("status", "-o", "json").stdout)["acting"] is True
    controller.kill()
    controller.wait()
    assert nobody in console.cosmos("status").stdout
    console.go.touch()
    assert console.apply().exit_code == 0
    assert nobody not in console.cosmos("status").stdout


def test_list_shows_the_things_of_a_kind(made: Console) -> None:
    listed = {kind: made.cosmos("list", kind).stdout for kind in ("runs", "prompts", "models", "hosts")}

    assert re.search(r"^one +rs_\w{10} +Succeeded +echo +rain +specs/all.yaml:\d+ +scene=city$", listed["runs"], re.M)
    assert re.search(r"^rain +ps_\w{10} +2 .*Heavy rain$", listed["prompts"], re.M)
    assert re.search(r"^echo +command +specs/all.yaml:1 +2 +word=once$", listed["models"], re.M)
    assert re.search(r"^preview +preview +built-in +0 ", listed["models"], re.M)
    assert re.search(r"^local +local +process +0 of 2 +0 +\d+ +\S+ \w+ free +- +Reachable$", listed["hosts"], re.M)


def test_list_refuses_a_kind_that_is_none(console: Console) -> None:
    done = console.cosmos("list", "cars")
    assert done.returncode == 64
    assert "'cars'" in done.stderr


def test_show_has_all_about_a_run(made: Console) -> None:
    done = made.cosmos("show", "two")

    for words in ("Run two", "Failed, OutOfSync", "text", "Heavy rain", "word=two", "Attempts", "Events"):
        assert words in done.stdout
    assert re.search(r"^  1 +\w{8} +local +failed .* ProgramFailed: ", done.stdout, re.M)


def test_show_names_the_files_of_a_result(made: Console) -> None:
    document = json.loads(made.cosmos("show", "one", "-o", "json").stdout)

    files = {Path(path).name: Path(path) for path in document["files"]}
    assert files["out.txt"].read_text() == "Heavy rain one"
    assert {"run.log", "provenance.json"} <= files.keys()
    assert TIME.match(document["attempts"][0]["ended_at"])


def test_a_prompt_cannot_command_the_terminal_that_shows_it(console: Console) -> None:
    console.specs("", model=MODEL.replace("---", ""))
    spec = console.root / "specs" / "odd.yaml"
    spec.write_text('kind: Prompt\nname: odd\ntext: "red \\e[31m, two\\nlines, \\U0001F327"\n', encoding="utf-8")
    text = console.cosmos("show", "odd").stdout

    assert "\x1b" not in text
    assert "red \\x1b[31m, two\n" in text
    assert "lines, \U0001f327\n" in text
    assert (
        json.loads(console.cosmos("show", "odd", "-o", "json").stdout)["text"] == "red \x1b[31m, two\nlines, \U0001f327"
    )


def test_explain_names_the_rule_and_the_line(made: Console) -> None:
    text = made.cosmos("explain", "two").stdout

    assert re.match(r"two +specs/all.yaml:\d+\n", text)
    assert "Rule: Failures that another attempt cannot mend, or too many, end a run." in text
    assert "attempt 1 on local failed: ProgramFailed" in text


def test_explain_of_a_run_that_a_problem_holds_back(console: Console) -> None:
    console.specs(runs("one"))
    (console.root / "specs" / "more.yaml").write_text("kind: Run\nname: three\nprompt: snow\nmodel: echo\n")
    done = console.cosmos("explain", "three")

    assert done.returncode == 0
    assert "Held" in done.stdout
    assert "specs/more.yaml:3:9: error[E015]" in done.stdout


def test_logs_are_the_bytes_of_the_log(made: Console) -> None:
    done = made.cosmos("logs", "two")

    assert (done.returncode, done.stderr) == (0, "")
    assert "no good\n" in done.stdout
    assert made.cosmos("logs", "two", "--tail", "1").stdout.count("\n") == 1
    assert made.cosmos("logs", "two", "--attempt", "1").stdout == done.stdout
    assert made.cosmos("logs", "two", "--since", "1h").stdout == done.stdout


def test_a_time_that_is_none_is_a_usage_error(made: Console) -> None:
    done = made.cosmos("logs", "two", "--since", "yesterday")

    assert done.returncode == 64
    assert '"yesterday" is not a duration' in done.stderr


def test_logs_of_an_attempt_that_is_not_there(made: Console) -> None:
    done = made.cosmos("logs", "two", "--attempt", "7")

    assert done.returncode == 1
    assert done.stderr == "error: two has no attempt 7\n  it has: 1\n"


def test_logs_follow_a_run_to_its_end(console: Console) -> None:
    console.specs(runs("one"), program=f"echo begin; {console.slow()}; echo end")
    console.apply(wait=False)
    following = console.start("logs", "-f", "one")
    assert following.stdout is not None
    assert following.stdout.readline() == "begin\n"
    console.go.touch()

    assert following.communicate(timeout=60) == ("end\n", "")
    assert following.returncode == 0


def test_a_name_that_is_none_is_an_error_with_the_nearest(made: Console) -> None:
    for command in ("show", "explain", "logs"):
        done = made.cosmos(command, "onne")
        assert (done.returncode, done.stdout) == (1, ""), command
        assert done.stderr == 'error: nothing is called "onne"\n  did you mean "one"?\n', command


def test_the_schema_is_one_that_editors_take(console: Console) -> None:
    from jsonschema import Draft202012Validator

    console.specs(runs("one"))
    schema = json.loads(console.cosmos("schema").stdout)

    Draft202012Validator.check_schema(schema)
    document = {"kind": "Run", "name": "one", "model": "echo"}
    Draft202012Validator(schema).validate(document)
    assert not Draft202012Validator(schema).is_valid({**document, "steps_": 1})


def test_the_state_of_things_is_shown_while_another_works(console: Console) -> None:
    console.specs(runs("one"), program=console.slow())
    working = console.start("apply", "--yes")
    wait_until(lambda: bool(console.launches))
    done = console.cosmos("status")
    console.go.touch()
    working.communicate(timeout=60)

    assert done.returncode == 0
    assert done.stdout.splitlines()[1].split()[2] in ("Starting", "Running")


def test_what_people_think_of_an_output_is_shown_with_it(made: Console) -> None:
    """And what they think of another one is not counted; a review of nothing is no more than a warning."""
    with made.api() as api:
        digest = api.runs(["one"])[0].digest
    review = "---\nkind: Review\nrun: {}\ndigest: '{}'\nrating: {}\nnote: wet\ntags: [hero]\n"
    written = (("one", digest[:8], 4), ("one", "0" * 8, 1), ("gone", digest, 5))
    file = made.root / "specs" / "reviews.yaml"
    file.write_text("".join(review.format(*each) for each in written))
    try:
        listed, shown, checked = (made.cosmos(*words) for words in (("list", "runs"), ("show", "one"), ("validate",)))
        with made.api() as api:
            rows, prompts, plan = api.runs(), api.prompts(), api.plan(["one"])
    finally:
        file.unlink()

    assert re.search(r"^one +rs_\w{10} +Succeeded +4 hero +echo ", listed.stdout, re.M)
    assert re.search(r"^two +rs_\w{10} +Failed +- +echo ", listed.stdout, re.M)
    assert "4 of 5, hero: wet (specs/reviews.yaml:2)\n" in shown.stdout
    assert "1 of 5, hero: wet (of 00000000, specs/reviews.yaml:9)\n" in shown.stdout
    assert checked.returncode == 0
    assert 'specs/reviews.yaml:16:1: warning[W002] review of "gone": no spec has this run' in checked.stdout
    assert [(row.key, row.rating, row.note, row.tags) for row in rows] == [
        ("one", 4, "wet", ("hero",)),
        ("two", None, "", ()),
    ]
    assert [(row.rating, row.rated) for row in prompts] == [(4.0, 1)]
    assert plan.plan.operations == ()


def test_the_documentation_names_the_fields_of_json(made: Console) -> None:
    text = (Path(__file__).parents[2] / "docs" / "cli.md").read_text()
    told = set(re.findall(r"`(\w+)`", text.partition("## JSON")[2].partition("\n## ")[0]))
    for words in (["validate"], ["plan"], ["status"], ["explain", "two"]):
        document = json.loads(made.cosmos(*words, "-o", "json").stdout)
        runs_shown = [run for run in document.get("runs", []) if isinstance(run, dict)]
        fields = set(document).union(*runs_shown)
        assert fields - told == set(), words
