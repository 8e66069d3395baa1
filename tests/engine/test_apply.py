"""From specs to published results and back, with real processes, files and database."""

import json
from pathlib import Path

import pytest

from cosmos.core.plan import Phase
from cosmos.core.reasons import Reason
from tests.engine.workshop import WRITE, Workshop, runs


def _phases(workshop: Workshop) -> dict[str, Phase]:
    with workshop.api() as api:
        return {status.key: status.phase for status in api.status(look=False).statuses}


def test_after_apply_the_plan_is_empty(workshop: Workshop) -> None:
    workshop.specs(runs("one", "two"))
    outcome = workshop.apply()

    assert outcome.exit_code == 0
    assert workshop.output("one") == "Heavy rain one"
    assert workshop.plan_text() == "No changes. What exists matches the specs."
    assert sorted(workshop.launches) == ["one", "two"]


def test_a_second_apply_launches_nothing(workshop: Workshop) -> None:
    workshop.specs(runs("one", "two"))
    workshop.apply()
    workshop.apply()

    assert sorted(workshop.launches) == ["one", "two"]


def test_the_host_keeps_no_run_directory_of_what_is_durable(workshop: Workshop) -> None:
    workshop.specs(runs("one"))
    workshop.apply()

    batches = workshop.root / ".cosmos" / "work" / "workshop" / "batches"
    assert [path.name for path in batches.iterdir() if not path.name.startswith(".")] == []


def test_deleted_outputs_come_back_without_a_launch(workshop: Workshop) -> None:
    workshop.specs(runs("one"))
    workshop.apply()
    (workshop.root / "outputs" / "one" / "latest" / "out.txt").unlink()

    assert "r restore one   outputs_missing" in workshop.plan_text()
    workshop.apply()
    assert workshop.output("one") == "Heavy rain one"
    assert workshop.launches == ["one"]


def test_an_edited_output_is_kept_aside_and_the_result_restored(workshop: Workshop) -> None:
    workshop.specs(runs("one"))
    workshop.apply()
    published = (workshop.root / "outputs" / "one" / "latest" / "out.txt").resolve()
    published.unlink()
    published.write_text("my own notes")

    assert "r restore one   outputs_corrupt" in workshop.plan_text()
    workshop.apply()
    assert workshop.output("one") == "Heavy rain one"
    assert "my own notes" in {path.read_text() for path in published.parent.glob("out.txt*")}


def test_reverting_a_spec_brings_the_old_outputs_back_without_a_launch(workshop: Workshop) -> None:
    workshop.specs(runs("one"))
    workshop.apply()
    workshop.specs(runs("one").replace("word: one", "word: other"))
    assert "-/+ run one   params_changed (word)" in workshop.plan_text()
    workshop.apply()
    assert workshop.output("one") == "Heavy rain other"
    workshop.specs(runs("one"))
    workshop.apply()

    assert workshop.output("one") == "Heavy rain one"
    assert workshop.launches == ["one", "other"]


def test_a_failed_run_does_not_stop_the_others(workshop: Workshop) -> None:
    workshop.specs(runs("bad", "good"), program=f'[ "$2" = bad ] && {{ echo broken; exit 3; }}; {WRITE}')
    outcome = workshop.apply()

    assert outcome.exit_code == 3
    assert [(status.key, status.reason) for status in outcome.failed] == [("bad", Reason.PROGRAM_FAILED)]
    assert workshop.output("good") == "Heavy rain good"
    with workshop.api() as api:
        assert b"".join(api.logs("bad")) == b"broken\n"


def test_a_failure_of_the_program_is_not_tried_again_by_itself(workshop: Workshop) -> None:
    workshop.specs(runs("bad"), program="exit 3")
    workshop.apply()
    workshop.apply()

    assert workshop.launches == ["bad"]


def test_retry_tries_a_failed_run_again(workshop: Workshop) -> None:
    flag = workshop.root / "mended"
    workshop.specs(runs("bad"), program=f"[ -e {flag} ] || exit 3; {WRITE}")
    workshop.apply()
    flag.touch()
    with workshop.api() as api:
        assert api.retry(["bad"]) == ["bad"]
    outcome = workshop.apply()

    assert outcome.exit_code == 0
    assert workshop.launches == ["bad", "bad"]


@pytest.mark.parametrize(
    ("program", "reason"),
    [
        ("true", Reason.OUTPUT_MISSING),
        ("exit 127", Reason.PROGRAM_NOT_FOUND),
        ("sleep 60", Reason.TIMEOUT),
    ],
)
def test_success_is_the_output_and_never_the_exit_code_alone(workshop: Workshop, program: str, reason: Reason) -> None:
    workshop.specs(runs("one", more="timeout: 1s"), program=program)
    outcome = workshop.apply()

    assert [status.reason for status in outcome.failed] == [reason]


def test_a_run_reads_the_output_of_another(workshop: Workshop) -> None:
    reader = """\
---
kind: Model
name: upper
adapter: command
command: [sh, -c, 'tr a-z A-Z < "$1" > "$2"', sh, "{inputs.text}", "{outputs.text}"]
inputs: {text: {required: true}}
outputs: {text: out.txt}
---
kind: Run
name: loud
model: upper
source: {run: one, output: text, role: text}
"""
    workshop.specs(runs("one") + reader)
    assert "waits for one" in workshop.plan_text()
    outcome = workshop.apply()

    assert outcome.exit_code == 0
    assert workshop.output("loud") == "HEAVY RAIN ONE"


def test_a_run_starts_after_what_it_needs(workshop: Workshop) -> None:
    workshop.specs(runs("alpha", more="needs: [zulu]") + runs("zulu"))
    workshop.apply()

    assert workshop.launches == ["zulu", "alpha"]


def test_what_needs_a_failed_run_says_so_and_waits(workshop: Workshop) -> None:
    workshop.specs(runs("alpha", more="needs: [zulu]") + runs("zulu"), program="exit 1")
    outcome = workshop.apply()

    by_key = {status.key: status for status in outcome.statuses}
    assert by_key["alpha"].message == "cannot start: needs zulu (Failed)"
    assert outcome.exit_code == 3
    assert workshop.launches == ["zulu"]


def test_higher_priority_starts_first(tmp_path: Path) -> None:
    workshop = Workshop(tmp_path, toml="[hosts.local]\nslots = 1\n")
    workshop.specs(runs("alpha", "beta") + runs("zulu", more="priority: 90"))
    workshop.apply()

    assert workshop.launches == ["zulu", "alpha", "beta"]


def test_a_slot_is_used_while_another_is_busy(workshop: Workshop) -> None:
    """Each waits for the other's word: only two that run at the same time can end."""
    meet = f'for i in $(seq 100); do [ "$(wc -l < {workshop.counter})" -ge 2 ] && break; sleep 0.1; done'
    workshop.specs(runs("one", "two"), program=f'{meet}; [ "$(wc -l < {workshop.counter})" -ge 2 ] && {WRITE}')

    assert workshop.apply().exit_code == 0


def test_two_names_for_the_same_settings_are_computed_once(workshop: Workshop) -> None:
    workshop.specs(runs("one") + runs("two").replace("word: two", "word: one"))
    workshop.apply()

    assert workshop.launches == ["one"]
    assert workshop.output("one") == workshop.output("two") == "Heavy rain one"
    assert workshop.plan_text() == "No changes. What exists matches the specs."


def test_a_targeted_apply_starts_nothing_else(workshop: Workshop) -> None:
    workshop.specs(runs("one", "two"))
    workshop.apply("two")

    assert workshop.launches == ["two"]
    assert _phases(workshop) == {"one": Phase.STARTING, "two": Phase.SUCCEEDED}


def test_rerun_runs_again_and_keeps_the_first_result(workshop: Workshop) -> None:
    workshop.specs(runs("one"), program=f"{WRITE}; date +%s%N >> " + '"$3"')
    workshop.apply()
    first = (workshop.root / "outputs" / "one" / "latest").resolve()
    before = (first / "out.txt").read_text()
    workshop.apply("one", rerun=True)
    workshop.apply()

    assert workshop.launches == ["one", "one"]
    assert (first / "out.txt").read_text() == before
    assert (workshop.root / "outputs" / "one" / "latest").resolve() != first
    assert workshop.plan_text() == "No changes. What exists matches the specs."


def test_a_suspended_run_starts_nothing(workshop: Workshop) -> None:
    workshop.specs(runs("one", more="suspend: true"))
    outcome = workshop.apply()

    assert workshop.launches == []
    assert [status.phase for status in outcome.statuses] == [Phase.SUSPENDED]


def test_hostile_text_reaches_the_program_byte_for_byte(workshop: Workshop) -> None:
    text = "a \"b\" 'c' $(touch owned) `id` \\ \n \t {root} {{x}} %s \u2603 \U0001f600"
    workshop.specs(runs("one"), program='printf "%s" "$1" > "$3"')
    path = workshop.root / "specs" / "all.yaml"
    path.write_text(path.read_text().replace("text: Heavy rain", f"text: {json.dumps(text, ensure_ascii=False)}"))
    assert workshop.apply().exit_code == 0

    assert workshop.output("one") == text
    assert not list(workshop.root.rglob("owned"))


def test_provenance_names_everything_that_made_a_result(workshop: Workshop) -> None:
    workshop.specs(runs("one"))
    workshop.apply()
    record = json.loads((workshop.root / "outputs" / "one" / "latest" / "provenance.json").read_text())

    assert record["run"]["text"] == "Heavy rain"
    assert record["run"]["at"]["file"] == "specs/all.yaml"
    assert record["argv"][-1].endswith("out.txt")
    assert record["exit"]["code"] == 0
    assert {file["name"] for file in record["files"]} == {"out.txt", "run.log"}
    assert record["versions"]["python"]


def test_a_broken_file_leaves_the_runs_of_others_alone(workshop: Workshop) -> None:
    workshop.specs(runs("one"))
    (workshop.root / "specs" / "broken.yaml").write_text("kind: Run\nname: Bad Name\n")
    outcome = workshop.apply()

    assert workshop.output("one") == "Heavy rain one"
    assert outcome.exit_code == 1
    assert [problem.at.file for problem in outcome.problems] != []


def test_a_run_whose_file_breaks_keeps_its_result_and_its_status(workshop: Workshop) -> None:
    workshop.specs(runs("one"))
    workshop.apply()
    path = workshop.root / "specs" / "all.yaml"
    path.write_text(path.read_text() + "---\nkind: Nothing\n")
    workshop.apply()

    assert workshop.output("one") == "Heavy rain one"
    assert _phases(workshop) == {"one": Phase.SUCCEEDED}


def test_text_that_a_model_is_never_given_does_not_make_it_run_again(workshop: Workshop) -> None:
    deaf = """\
kind: Model
name: echo
adapter: command
command: [sh, -c, {script}, sh, none, "{{params.word}}", "{{outputs.text}}"]
outputs: {{text: out.txt}}
params: {{word: {{type: str, default: once}}}}
"""
    workshop.specs(runs("one"), model=deaf)
    workshop.apply()
    path = workshop.root / "specs" / "all.yaml"
    path.write_text(path.read_text().replace("Heavy rain", "Light snow"))

    assert workshop.plan_text() == "No changes. What exists matches the specs."


def test_the_members_of_a_sweep_keep_their_statuses_while_its_file_is_broken(workshop: Workshop) -> None:
    workshop.specs(runs("one", more="matrix: {params.word: [red, blue]}").replace("params: {word: one}\n", ""))
    assert workshop.apply().exit_code == 0
    path = workshop.root / "specs" / "all.yaml"
    path.write_text(path.read_text() + "---\nkind: [\n")
    workshop.apply()

    assert _phases(workshop) == {"one/word-blue": Phase.SUCCEEDED, "one/word-red": Phase.SUCCEEDED}
