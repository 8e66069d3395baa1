"""Spec files to specs: every problem named at its place, broken files held, and no order that matters."""

import json
import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cosmos.core.load import Loaded, SourceFile, load
from cosmos.core.problem import Code
from cosmos.core.yaml12 import BYTES_MAX
from tests.core.spec_files import files, loaded, prompt, run, said

RUN = "kind: Run\nname: teaser\nmodel: preview\n"
PROMPT = "kind: Prompt\nname: rain\ntext: rain\n"
MODEL = "kind: Model\nname: mine\nadapter: command\n"

WHAT_BEGINS_A_SPEC = "a spec begins with `kind:` and one of Prompt, Run, Model, Review"

REVIEW = "kind: Review\nrun: city/seed-1\n"

PROBLEMS: list[tuple[str, str]] = [
    # Reviews
    (REVIEW, 'a.yaml:1:1: error[E013] review of "city/seed-1": missing field "digest"'),
    (REVIEW + "digest: 12345678", 'a.yaml:3:9: error[E014] review of "city/seed-1": digest must be text, is 12345678'),
    (REVIEW + "digest: abc", 'a.yaml:3:9: error[E010] review of "city/seed-1": digest cannot be "abc" (8 to 64 hex'),
    (
        REVIEW + 'digest: "3fa9c1d2"\nrating: 6',
        'a.yaml:4:9: error[E014] review of "city/seed-1": rating must be at most 5, is 6',
    ),
    (REVIEW + 'digest: "3fa9c1d2"\ntags: [A b]', 'a.yaml:4:8: error[E010] review of "city/seed-1": tags[0] cannot be'),
    ("kind: Review\nrun: ../x\ndigest: aaaaaaaa", 'a.yaml:2:6: error[E010] review of "../x": run cannot be'),
    # Unknown and missing fields
    (RUN + "steps_: 3", 'a.yaml:4:1: error[E012] run "teaser": unknown field "steps_" (a parameter of the model'),
    (RUN + "mtrix: 3", 'a.yaml:4:1: error[E012] run "teaser": unknown field "mtrix" (did you mean "matrix"?)'),
    (
        RUN + "retry: {limits: 1}",
        '4:9: error[E012] run "teaser": unknown field "limits" in retry (did you mean "limit"?)',
    ),
    (
        RUN + "retry: {on: [Timeout, Stald]}",
        'a.yaml:4:23: error[E014] run "teaser": retry.on[1] must be a reason that can be listed, is "Stald" '
        '(did you mean "Stalled"?)',
    ),
    (
        RUN + "retry: {on: [DiskFull]}",
        'a.yaml:4:14: error[E014] run "teaser": retry.on[0] must be a reason that can be listed, is "DiskFull" '
        "(it is a failure of the infrastructure, which is tried again anyway)",
    ),
    (
        RUN + "retry: {on: [Stopped]}",
        'a.yaml:4:14: error[E014] run "teaser": retry.on[0] must be a reason that can be listed, is "Stopped" '
        "(it is never tried again unasked)",
    ),
    (RUN + "retry: {x: 1}", 'a.yaml:4:9: error[E012] run "teaser": unknown field "x" in retry (it takes limit, on)'),
    (
        RUN + "controls: {seg: {wieght: 1, weight: 1}}",
        '18: error[E012] run "teaser": unknown field "wieght" in controls.seg',
    ),
    (
        MODEL + "params: {a: {type: int, mn: 1}}",
        ':4:25: error[E012] model "mine": unknown field "mn" in params.a (did you',
    ),
    (PROMPT + "texts: x", 'a.yaml:4:1: error[E012] prompt "rain": unknown field "texts" (did you mean "text"?)'),
    (RUN + '"\\e[2J": 1', 'a.yaml:4:1: error[E012] run "teaser": unknown field "\\x1b[2J"'),
    ("kind: Prompt\nname: rain", 'a.yaml:1:1: error[E013] prompt "rain": missing field "text"'),
    ("\n\nkind: Run", 'a.yaml:3:1: error[E013] run: missing field "model"'),
    (RUN + "source: {}", 'a.yaml:4:9: error[E014] run "teaser": source must have either run or runs'),
    (RUN + "source: {run: a, runs: b}", '4:9: error[E014] run "teaser": source must have either run or runs'),
    (RUN + "source: {run: a, where: rating > 1}", '4:9: error[E014] run "teaser": source has where without runs'),
    (
        RUN + "controls:\n  seg:\n    preset: a",
        'a.yaml:6:5: error[E013] run "teaser": missing field "weight" in controls.seg',
    ),
    # Types
    (
        RUN + 'priority: "5"',
        'a.yaml:4:11: error[E014] run "teaser": priority must be an integer, is "5" (remove the quotes)',
    ),
    (RUN + "priority: 5.5", 'error[E014] run "teaser": priority must be an integer, is 5.5'),
    (RUN + "suspend: no", 'suspend must be true or false, is "no" (write true or false, without quotes)'),
    (
        RUN + "timeout: 2 hours",
        'timeout must be a duration such as 2h, 90m or 45s, or a number of seconds, is "2 hours"',
    ),
    (RUN + "timeout: " + "9" * 400 + "h", "timeout must be a duration such as 2h"),
    (RUN + "timeout: true", "timeout must be a duration such as 2h, 90m or 45s, or a number of seconds, is true"),
    (RUN + "needs: other", 'a.yaml:4:8: error[E014] run "teaser": needs must be a list, is "other" (write [other])'),
    (RUN + "needs: [1]", 'a.yaml:4:9: error[E014] run "teaser": needs[0] must be text, is 1 (put it in quotes)'),
    (RUN + "inputs: 5", 'a.yaml:4:9: error[E014] run "teaser": inputs must be text or a mapping, is 5'),
    (
        RUN + "inputs: {color: 5}",
        'a.yaml:4:17: error[E014] run "teaser": inputs.color must be text, is 5 (put it in quotes)',
    ),
    (
        RUN + "params: {x: {y: 1}}",
        '4:13: error[E014] run "teaser": params.x must be a number, text, true, false or a list, is',
    ),
    (
        RUN + "params: {x: [1, [2]]}",
        ':4:17: error[E014] run "teaser": params.x[1] must be a number, text, true or false, is a',
    ),
    (
        RUN + "controls: {edge: strong}",
        "controls.edge must be a weight from 0 to 1, or a mapping with weight, input, preset,",
    ),
    (RUN + "controls: {edge: }", 'a.yaml:4:18: error[E014] run "teaser": controls.edge must be a weight from 0 to 1'),
    (RUN + "matrix: {params.seed: 1}", "matrix.params.seed must be a list of values, is 1 (write [1])"),
    (RUN + "matrix: {exclude: 1}", "matrix.exclude must be a list of mappings, is 1"),
    (RUN + "matrix: {include: [{params.x: [1]}]}", "matrix.include[0].params.x must be a number, text, true or"),
    (RUN + "matrix: [1]", 'a.yaml:4:9: error[E014] run "teaser": matrix must be a mapping, is a list'),
    (RUN + "labels: {a: 1}", 'a.yaml:4:13: error[E014] run "teaser": labels.a must be text, is 1 (put it in quotes)'),
    ("kind: Prompt\nname: 5\ntext: x", "a.yaml:2:7: error[E014] prompt: name must be text, is 5 (put it in quotes)"),
    (MODEL + "inputs: {video: true}", 'a.yaml:4:17: error[E014] model "mine": inputs.video must be a mapping, is true'),
    # Values
    (RUN + "priority: 101", 'a.yaml:4:11: error[E014] run "teaser": priority must be at most 100, is 101'),
    (RUN + "priority: -1", "priority must be at least 0, is -1"),
    (RUN + "timeout: 0", "timeout must be more than 0, is 0"),
    (RUN + "controls: {edge: 2}", 'a.yaml:4:18: error[E014] run "teaser": controls.edge must be at most 1, is 2'),
    (
        RUN + "controls: {edge: {weight: -0.5}}",
        ':4:27: error[E014] run "teaser": controls.edge.weight must be at least 0, is -0.5',
    ),
    (RUN + "inputs: ../x", 'inputs must be a path inside the project, with "/" and without "..", is "../x"'),
    (RUN + "inputs: {color: /etc/passwd}", "inputs.color must be a path inside the project"),
    ('kind: Prompt\nname: rain\ntext: ""', 'a.yaml:3:7: error[E014] prompt "rain": text must not be empty'),
    (MODEL + "params: {a: {type: integer}}", 'params.a.type must be int, float, str or bool, is "integer"'),
    # Names
    (
        "kind: Run\nname: Bad Name\nmodel: x",
        'a.yaml:2:7: error[E010] run "Bad Name": name cannot be "Bad Name" (lower-case',
    ),
    (RUN + "prompt: Rain", 'a.yaml:4:9: error[E010] run "teaser": prompt cannot be "Rain" (lower-case'),
    (
        RUN + "controls: {Edge: 1}",
        'a.yaml:4:12: error[E010] run "teaser": "Edge" cannot be a name in controls (lower-case',
    ),
    (RUN + "labels: {A B: x}", 'a.yaml:4:10: error[E010] run "teaser": "A B" cannot be a name in labels (lower-case'),
    (MODEL + "env: {path: x}", 'a.yaml:4:7: error[E010] model "mine": "path" cannot be a name in env (upper-case'),
    # Kinds
    ("", f"a.yaml:1:1: error[E006] no spec in this file ({WHAT_BEGINS_A_SPEC})"),
    ("# only words\n---\n---\n", f"a.yaml:1:1: error[E006] no spec in this file ({WHAT_BEGINS_A_SPEC})"),
    ("name: x", f'a.yaml:1:1: error[E006] missing field "kind" ({WHAT_BEGINS_A_SPEC})'),
    ("kind: Runs\nname: x", 'a.yaml:1:7: error[E006] unknown kind "Runs" (did you mean "Run"?)'),
    ("kind: PROMPT", 'a.yaml:1:7: error[E006] unknown kind "PROMPT" (did you mean "Prompt"?)'),
    (
        "kind: Deployment",
        'a.yaml:1:7: error[E006] unknown kind "Deployment" (the kinds are Prompt, Run, Model, Review)',
    ),
    ("kind: [Run]", "a.yaml:1:7: error[E006] unknown kind a list (the kinds are Prompt, Run, Model, Review)"),
    ("- kind: Run", f"a.yaml:1:1: error[E006] a spec is a mapping of fields, this is a list ({WHAT_BEGINS_A_SPEC})"),
    ("hello", 'a.yaml:1:1: error[E006] a spec is a mapping of fields, this is "hello"'),
]


@pytest.mark.parametrize(("text", "expected"), PROBLEMS)
def test_a_problem_is_said_in_plain_words_at_its_place(text: str, expected: str) -> None:
    found = loaded(text)
    assert any(expected in line for line in said(found.problems)), said(found.problems)
    assert len(found.problems) == (2 if text == "\n\nkind: Run" else 1)
    assert found.broken_files == {"a.yaml"}
    assert [*found.prompts, *found.runs, *found.models] == []


def test_all_problems_of_all_files_are_said_at_once_in_order() -> None:
    one = run("x", "priority: 101", "steps_: 1") + "---\nkind: Rnu\n" + "---\nname: [open\n"
    found = loaded(one, prompt("p"), "kind: Prompt\nname: q\n")
    assert [line.split(" ")[0] + line.split("error")[1][:6] for line in said(found.problems)] == [
        "a.yaml:5:11:[E014]",
        "a.yaml:6:1:[E012]",
        "a.yaml:8:7:[E006]",
        "a.yaml:11:1:[E004]",
        "c.yaml:1:1:[E013]",
    ]
    assert list(found.problems) == sorted(found.problems)


def test_a_spec_is_found_with_its_places() -> None:
    found = loaded(prompt("rain", "labels: {a: b}"), run("teaser", "controls: {edge: 0.5}"))
    assert found.problems == ()
    assert (list(found.prompts), list(found.runs), list(found.models)) == (["rain"], ["teaser"], [])
    teaser = found.runs["teaser"]
    assert teaser.spec.controls["edge"].weight == 0.5
    assert str(teaser.at) == "b.yaml:2:1"
    assert str(teaser.locate(("controls", "edge", "weight"))) == "b.yaml:5:18"
    assert str(teaser.locate_key(("controls", "edge"))) == "b.yaml:5:12"
    assert str(teaser.locate(("params", "seed"))) == "b.yaml:2:1"


def test_two_specs_of_a_name_are_both_told_of_the_other() -> None:
    found = loaded(run("x"), prompt("x"), run("y") + run("x"))
    assert said(found.problems) == [
        'a.yaml:3:7: error[E011] run "x": c.yaml:6 defines another run of this name (give one of them another name)',
        'c.yaml:7:7: error[E011] run "x": a.yaml:2 defines another run of this name (give one of them another name)',
    ]
    assert found.broken_files == {"a.yaml", "c.yaml"}
    assert (list(found.prompts), list(found.runs)) == (["x"], [])


def test_a_name_is_taken_by_a_spec_that_has_other_problems() -> None:
    found = loaded(run("x", "priority: 101"), run("x"))
    assert [problem.code for problem in found.problems] == [Code.DUPLICATE_NAME, Code.WRONG_VALUE, Code.DUPLICATE_NAME]


def test_a_broken_file_gives_no_specs_and_keeps_its_names() -> None:
    found = loaded(prompt("good") + run("bad", "priority: 101") + "---\nkind: [\nname: lost\n", run("fine"))
    assert (list(found.prompts), list(found.runs)) == ([], ["fine"])
    assert {("Prompt", "good"), ("Run", "bad"), ("Run", "lost"), ("Prompt", "lost")} <= found.withheld
    assert ("Run", "fine") not in found.withheld
    assert not found.is_blind


@pytest.mark.parametrize(
    "file",
    [
        SourceFile("x.yaml", None, "permission denied"),
        SourceFile("x.yaml", b"# " + b"x" * BYTES_MAX),
        SourceFile("x.yaml", RUN.encode("utf-16")),
    ],
)
def test_a_file_that_cannot_be_read_to_its_end_may_define_anything(file: SourceFile) -> None:
    found = load([file, *files(RUN)])
    assert found.is_blind
    assert found.broken_files == {"x.yaml"}
    assert list(found.runs) == ["teaser"]


def test_why_a_file_could_not_be_read_is_said() -> None:
    found = load([SourceFile("specs/x.yaml", None, "it is a folder; rename it")])
    assert said(found.problems) == ["specs/x.yaml:1:1: error[E001] cannot be read: it is a folder; rename it"]


def test_an_empty_document_among_others_is_no_mistake() -> None:
    assert loaded("---\n" + RUN + "---\n---\n# the end\n").problems == ()


def test_no_files_are_no_problem() -> None:
    assert load([]) == Loaded()


def test_somebody_with_a_hundred_mistakes_in_a_spec_gets_an_answer() -> None:
    found = loaded(RUN + "\n".join(f"field{n}: 1" for n in range(5000)))
    assert len(found.problems) == 100


SPECS = st.sampled_from(
    [
        prompt("rain"),
        prompt("snow", "nagative: x"),
        run("a", "prompt: rain"),
        run("b", "source: {run: a}"),
        run("b", "needs: [a]"),
        run("c", "priority: high"),
        "---\nkind: Model\nname: mine\nadapter: command\n",
        "---\nname: [broken\n",
        "---\n",
    ]
)


def without_places(found: Loaded) -> object:
    """All of it that can be compared."""
    specs = [
        (kind, name, each.spec, each.at)
        for kind in ("prompts", "runs", "models")
        for name, each in getattr(found, kind).items()
    ]
    return specs, found.problems, found.broken_files, found.withheld, found.is_blind


@given(st.lists(st.lists(SPECS, max_size=3).map("".join), max_size=4), st.randoms(use_true_random=False))
def test_the_order_of_files_changes_nothing(texts: list[str], chance: random.Random) -> None:
    one = files(*texts)
    other = one.copy()
    chance.shuffle(other)
    assert without_places(load(one)) == without_places(load(other))


VALUES = st.sampled_from(
    [
        "1",
        "-1",
        "0.5",
        "x",
        "'5'",
        "true",
        "~",
        "[]",
        "[1, a]",
        "{}",
        "{a: 1}",
        "{weight: 2}",
        "2h",
        "../x",
        "*x",
        "&x y",
    ]
)
FIELDS = st.sampled_from(
    ["kind", "name", "text", "inputs", "controls", "params", "matrix", "source", "needs", "retry", "timeout", "outputs"]
)


@given(st.sampled_from(["Prompt", "Run", "Model"]), st.lists(st.tuples(FIELDS, VALUES), max_size=6))
def test_no_fields_whatsoever_raise(kind: str, fields: list[tuple[str, str]]) -> None:
    text = f"kind: {kind}\n" + "".join(f"{name}: {value}\n" for name, value in fields)
    found = loaded(text)
    assert found.problems or found.prompts or found.runs or found.models
    assert all(len(line) < 400 and line.isprintable() for line in said(found.problems))
    json.dumps([problem.as_json() for problem in found.problems])


@given(st.text(max_size=80))
def test_no_text_whatsoever_raises(text: str) -> None:
    found = load([SourceFile("a.yaml", text.encode("utf-8", "surrogatepass"))])
    assert found.problems
    assert replace(found, problems=()).runs == {}
