"""Matrices, keys, names, cycles and what is held."""

import json
import random
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cosmos.core.digest import run_id
from cosmos.core.draft import Draft
from cosmos.core.expand import Expanded, expand
from cosmos.core.load import SourceFile, load
from cosmos.core.matrix import MEMBERS_MAX
from cosmos.core.member_key import KEY_MAX
from cosmos.core.references import HINTS_MAX
from cosmos.core.run import ParamType, Placement, Source
from tests.core.spec_files import BUILT_IN, expanded, files, loaded, prompt, run, said
from tests.work import lines_run


def keys(found: Expanded) -> list[str]:
    return [draft.key for draft in found.drafts]


def members(*lines: str) -> list[str]:
    """Last parts of the keys of the members of one run."""
    found = expanded(prompt("rain") + prompt("snow") + run("r", *lines))
    assert not found.problems, said(found.problems)
    return [key.removeprefix("r/") for key in keys(found)]


def by_key(found: Expanded) -> dict[str, Draft]:
    return {draft.key: draft for draft in found.drafts}


def expand_broken(*texts: str) -> Expanded:
    """What becomes of files of which some are broken."""
    return expand(loaded(*texts), BUILT_IN, "test")


# Drafts


def test_a_run_without_a_matrix_is_one_draft_with_all_that_the_specs_say() -> None:
    scene = prompt("rain", "negative: blur", "inputs: inputs/city", "labels: {scene: city, by: prompt}")
    first = run("first", "labels: {by: run}")
    second = run(
        "second",
        "prompt: rain",
        "labels: {by: run}",
        "inputs: {edge: edges.mp4}",
        "controls: {edge: {weight: 0.5, preset: low}}",
        "params: {seed: 1, sizes: [1, 2]}",
        "source: {run: first, output: depth, role: depth}",
        "placement: {host: gpu, gpus: 2, labels: {fast: 'yes'}}",
        "priority: 7",
        "retry: {limit: 5}",
        "timeout: 90m",
        "suspend: true",
    )
    draft = by_key(expanded(scene + first + second))["second"]
    assert (draft.name, draft.id) == ("second", run_id("test", "second"))
    assert (draft.prompt, draft.text, draft.negative) == ("rain", "a text about rain", "blur")
    assert draft.inputs == ("inputs/city", {"edge": "edges.mp4"})
    assert draft.named == {"edge"}
    assert (draft.controls["edge"].weight, draft.controls["edge"].preset) == (0.5, "low")
    assert draft.params == {"seed": 1, "sizes": (1, 2)}
    assert draft.source == Source(key="first", output="depth", role="depth")
    assert draft.placement == Placement(host="gpu", gpus=2, labels={"fast": "yes"})
    assert (draft.priority, draft.retry_limit, draft.timeout_s, draft.suspend) == (7, 5, 5400.0, True)
    assert draft.labels == {"scene": "city", "by": "run"}
    assert draft.axes == {}
    assert str(draft.at) == "a.yaml:14:1"
    assert str(draft.locate(("params", "seed"))) == "a.yaml:21:16"


def test_a_model_of_the_project_replaces_a_built_in_one() -> None:
    mine = "kind: Model\nname: preview\nadapter: command\ncommand: [x]\nparams:\n  n: {type: int, min: 1}\n"
    (draft,) = expanded(mine, run("r")).drafts
    assert (draft.model.adapter, draft.model.command, str(draft.model.at)) == ("command", ("x",), "a.yaml:1:1")
    assert draft.model.params == {"n": ParamType(type="int", minimum=1.0)}
    assert str(expanded(run("r")).drafts[0].model.at) == "built-in:1:1"


def test_drafts_come_by_name_and_then_as_the_matrix_has_them() -> None:
    found = expanded(run("b") + run("a", "matrix: {params.seed: [10, 9, 1]}"))
    assert keys(found) == ["a/seed-10", "a/seed-9", "a/seed-1", "b"]


# Members and their keys

MATRICES: list[tuple[str, list[str]]] = [
    ("{params.seed: [1, 2]}", ["seed-1", "seed-2"]),
    ("{params.seed: [1, 2], controls.edge: [0.2, 0.6]}", [f"edge-{e}_seed-{s}" for e in (0.2, 0.6) for s in (1, 2)]),
    (
        "{controls.edge.weight: [1, 0.5], controls.edge.preset: [low]}",
        ["edge-1_edge-preset-low", "edge-0.5_edge-preset-low"],
    ),
    ("{prompt: [rain, snow], model: [upscale]}", ["model-upscale_prompt-rain", "model-upscale_prompt-snow"]),
    # Numbers and words
    (
        "{params.x: [0.6, 1.0, 1e-5, 1e20, -3, true, 012]}",
        ["x-0.6", "x-1", "x-1e-05", "x-1e20", "x--3", "x-true", "x-12"],
    ),
    ("{params.x: [Heavy Rain, a.b, '..', 'a..b']}", ["x-heavy-rain", "x-a.b", "x-9e58b9", "x-a.b-97bb71"]),
    ("{params.x: [a b, A-B, a-b]}", ["x-a-b-7d5c8b", "x-a-b-eb9e04", "x-a-b"]),
    ("{params.x: ['1', 1]}", ["x-1-d4735e", "x-1"]),
    ("{params.x: ['', ab]}", ["x-12ae32", "x-ab"]),
    ("{params.x: [é, ü]}", ["x-3ba1c2", "x-f6d2cf"]),
    # Axes of one name
    ("{params.edge: [1], controls.edge: [1]}", ["controls-edge-weight-1_params-edge-1"]),
    ("{params.guidance_scale: [5]}", ["guidance-scale-5"]),
    ("{'params.Ä b': [1]}", ["b-1"]),
    # include and exclude
    ("{params.a: [1, 2], params.b: [x, y], exclude: [{params.a: 1, params.b: y}]}", ["a-1_b-x", "a-2_b-x", "a-2_b-y"]),
    ("{params.a: [1, 2], params.b: [x, y], exclude: [{params.a: 1}]}", ["a-2_b-x", "a-2_b-y"]),
    ("{params.a: [1, 2, 3], exclude: [{params.a: 1}, {params.a: 3.0}]}", ["a-2"]),
    ("{params.a: [1, true], exclude: [{params.a: true}]}", ["a-1"]),
    ("{params.a: [1], include: [{params.a: 7}, {params.b: 3}]}", ["a-1", "a-7", "b-3"]),
    ("{include: [{params.b: 3, params.a: 1}]}", ["a-1_b-3"]),
    ("{params.a: [1, 2], exclude: [{params.a: 1}], include: [{params.a: 1}]}", ["a-2", "a-1"]),
    ("{controls.edge: [0.5], include: [{controls.edge.weight: 0.7}]}", ["edge-0.5", "edge-0.7"]),
]


@pytest.mark.parametrize(("matrix", "expected"), MATRICES)
def test_a_matrix_has_these_members(matrix: str, expected: list[str]) -> None:
    hashes = re.compile(r"(?<=-)[0-9a-f]{6}\b")
    found = members(f"matrix: {matrix}")
    assert [hashes.sub("#", key) for key in found] == [hashes.sub("#", key) for key in expected]
    assert len(set(found)) == len(found)


def test_keys_do_not_change_when_the_program_does() -> None:
    """Keys name folders and ids: these are for good."""
    found = members("matrix: {params.x: [Heavy Rain!, HEAVY RAIN, " + "long " * 20 + "]}")
    assert found == ["x-heavy-rain-4b2003", "x-heavy-rain-8264b1", "x-long-long-long-long-long-long-long-long-f153c1"]


def test_a_key_of_many_axes_is_cut_and_stays_its_own() -> None:
    axes = ", ".join(f"params.{'p' * 20}{n}: [{'v' * 20}]" for n in range(9))
    found = members(f"matrix: {{{axes}, params.x: [1, 2]}}")
    assert len(set(found)) == 2
    assert all(len("r/" + key) <= KEY_MAX for key in found)


def test_values_of_the_matrix_are_in_their_fields() -> None:
    lines = (
        "matrix: {params.seed: [7], controls.edge: [0.6], controls.seg.weight: [1], prompt: [snow], model: [upscale]}"
    )
    spec = run(
        "r", "prompt: rain", "controls: {edge: {weight: 0.1, preset: low}, vis: 0.3}", "params: {steps: 5}", lines
    )
    (draft,) = expanded(prompt("rain") + prompt("snow") + spec).drafts
    assert draft.params == {"steps": 5, "seed": 7}
    assert {role: control.weight for role, control in draft.controls.items()} == {"edge": 0.6, "vis": 0.3, "seg": 1.0}
    assert draft.controls["edge"].preset == "low"
    assert (draft.prompt, draft.text, draft.model.name) == ("snow", "a text about snow", "upscale")
    assert draft.axes == {"seed": "7", "edge": "0.6", "seg": "1", "prompt": "snow", "model": "upscale"}


def test_an_included_member_keeps_what_it_does_not_name() -> None:
    spec = run("r", "params: {seed: 5}", "matrix: {params.seed: [1], include: [{params.steps: 9}]}")
    assert [draft.params for draft in expanded(spec).drafts] == [{"seed": 1}, {"seed": 5, "steps": 9}]


def test_a_value_of_the_matrix_is_found_in_the_matrix() -> None:
    spec = run(
        "r", "params: {steps: 5}", "matrix:", "  params.seed: [1, 22, 3]", "  controls.edge: [0.5]", "  include:"
    )
    drafts = by_key(expanded(spec + "  - {params.seed: 4}\n"))
    second = drafts["r/edge-0.5_seed-22"]
    assert str(second.locate(("params", "seed"))) == "a.yaml:7:20"
    assert str(second.locate(("controls", "edge"))) == "a.yaml:8:19"
    assert str(second.locate(("controls", "edge", "weight"))) == "a.yaml:8:19"
    assert str(second.locate(("params", "steps"))) == "a.yaml:5:17"
    assert str(drafts["r/seed-4"].locate(("params", "seed"))) == "a.yaml:10:19"


AXIS = "an axis is params.NAME, controls.ROLE, prompt or model"
MATRIX_PROBLEMS: list[tuple[str, str]] = [
    (
        "{seed: [1]}",
        'a.yaml:5:10: error[E017] run "r": matrix: "seed" cannot be an axis (did you mean "params.seed"?)',
    ),
    ("{steps: [1]}", f'"steps" cannot be an axis ({AXIS})'),
    ("{priority: [1]}", f'"priority" cannot be an axis ({AXIS})'),
    ("{controls.edge.input: [a]}", '"controls.edge.input" cannot be an axis (did you mean "controls.edge"?)'),
    ("{params.: [a]}", '"params." cannot be an axis'),
    (
        "{include: [{seed: 1}]}",
        ':5:21: error[E017] run "r": matrix: "seed" cannot be an axis (did you mean "params.seed"?)',
    ),
    ("{params.seed: []}", ':5:23: error[E017] run "r": matrix: axis "params.seed" has no values (list some, or remove'),
    (
        "{params.seed: [1, 2, 1]}",
        '5:30: error[E017] run "r": matrix: axis "params.seed" has 1 twice (remove one of them)',
    ),
    ("{params.seed: [1, 1.0]}", 'axis "params.seed" has 1 twice'),
    ("{controls.edge: [1], controls.edge.weight: [0]}", 'axis "controls.edge.weight" sets what another axis sets'),
    (
        "{include: [{controls.edge: 1, controls.edge.weight: 0}]}",
        '"controls.edge.weight" sets what the entry sets already',
    ),
    ("{}", 'a.yaml:5:9: error[E017] run "r": matrix: has no axes'),
    (
        "{params.a: [1], exclude: [{params.b: 1}]}",
        '"params.b" is not an axis of this matrix (did you mean "params.a"?)',
    ),
    ("{params.a: [1], exclude: [{params.a: 2}]}", 'axis "params.a" has no value 2 (remove the entry)'),
    ("{params.a: [1], exclude: [{params.a: true}]}", 'axis "params.a" has no value true'),
    ("{params.a: [1], exclude: [{}]}", 'a.yaml:5:35: error[E017] run "r": matrix: the entry names no axis'),
    ("{params.a: [1], include: [{}]}", "the entry names no axis"),
    ("{params.a: [1], exclude: [{params.a: 1}]}", "every combination is excluded (remove an entry)"),
    (
        "{params.a: [1], include: [{params.a: 1}]}",
        '5:35: error[E017] run "r": matrix: adds "r/a-1" again (remove the entry)',
    ),
    ("{include: [{params.a: 2}, {params.a: 2}]}", 'adds "r/a-2" again'),
    # What only pydantic knows, at the value
    ("{controls.edge: [0.5, 2]}", 'a.yaml:5:31: error[E014] run "r": controls.edge.weight must be at most 1, is 2'),
    ("{controls.edge: [high]}", 'a.yaml:5:26: error[E014] run "r": controls.edge.weight must be a number, is "high"'),
    ("{controls.edge.preset: [1]}", 'error[E014] run "r": controls.edge.preset must be text, is 1 (put it in quotes)'),
    ("{controls.vis.preset: [a]}", 'a.yaml:5:32: error[E013] run "r": missing field "weight" in controls.vis'),
    ("{prompt: [Bad Name]}", 'a.yaml:5:19: error[E010] run "r": prompt cannot be "Bad Name"'),
    ("{include: [{model: 5}]}", 'a.yaml:5:28: error[E014] run "r": model must be text, is 5'),
    # Names, at the value
    ("{prompt: [rain, rian]}", 'a.yaml:5:25: error[E015] run "r": no prompt "rian" (did you mean "rain"?)'),
    ("{model: [previw]}", 'a.yaml:5:18: error[E015] run "r": no model "previw" (did you mean "preview"?)'),
]


@pytest.mark.parametrize(("matrix", "expected"), MATRIX_PROBLEMS)
def test_a_mistake_in_a_matrix_is_said_at_its_place(matrix: str, expected: str) -> None:
    spec = run("r", "{}").replace("{}", f"matrix: {matrix}\nparams: {{seed: 1}}\ncontrols: {{edge: 0.5}}")
    found = expanded(spec, prompt("rain"))
    (line,) = said(found.problems)
    assert expected in line
    assert keys(found) == []
    assert {key.partition("/")[0] for key in found.held} == {"r"}


def test_all_mistakes_of_a_matrix_are_said() -> None:
    spec = run("r", "prompt: no", "matrix: {seed: [1], params.a: [], params.b: [1, 1], exclude: [{params.c: 1}]}")
    assert len(expanded(spec, run("s", "prompt: nobody")).problems) == 5


def test_too_many_members_are_refused_before_they_are_made() -> None:
    axes = ", ".join(f"params.a{n}: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]" for n in range(40))
    (line,) = said(expanded(run("r", f"matrix: {{{axes}}}")).problems)
    assert f"makes 1{'0' * 40} runs, more than {MEMBERS_MAX} (split it into several runs)" in line


# Names

TRIO = run("a", "matrix: {params.seed: [1, 2]}") + run("b") + run("b-two")


@pytest.mark.parametrize(
    ("needs", "expected"),
    [
        ("[b]", ("b",)),
        ("[a]", ("a/seed-1", "a/seed-2")),
        ("[a/seed-2]", ("a/seed-2",)),
        ("['a/*']", ("a/seed-1", "a/seed-2")),
        ("['*/seed-1']", ("a/seed-1",)),
        ("['b*']", ("b", "b-two")),
        ("['?']", ("a/seed-1", "a/seed-2", "b")),
        ("['*']", ("a/seed-1", "a/seed-2", "b", "b-two")),
        ("[b, a/seed-2, 'a/*']", ("b", "a/seed-2", "a/seed-1")),
        ("['[ab]']", ("a/seed-1", "a/seed-2", "b")),
        ("[]", ()),
    ],
)
def test_needs_mean_these_runs(needs: str, expected: tuple[str, ...]) -> None:
    assert by_key(expanded(TRIO + run("z", f"needs: {needs}")))["z"].needs == expected


@pytest.mark.parametrize(
    ("name", "expected"), [("b", "b"), ("a/seed-1", "a/seed-1"), ("'*/seed-1'", "a/seed-1"), ("one", "one/seed-1")]
)
def test_a_source_is_one_run(name: str, expected: str) -> None:
    one = run("one", "matrix: {params.seed: [1]}")
    source = by_key(
        expanded(
            run("a", "matrix: {params.seed: [1, 2]}")
            + run("b")
            + (one if name == "one" else "")
            + run("z", f"source: {{run: {name}}}")
        )
    )["z"].source
    assert source is not None
    assert source.key == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("prompt: rian", 'a.yaml:22:9: error[E015] run "z": no prompt "rian" (did you mean "rain"?)'),
        ("needs: [b, bb]", 'a.yaml:22:12: error[E015] run "z": no run "bb" (did you mean "b"?)'),
        ("needs: [a/seed-3]", 'no run "a/seed-3" (did you mean "a/seed-2"?)'),
        ("needs: [a/x]", 'no run "a/x" (a member is a/seed-1)'),
        ("needs: [b/seed-1]", 'no run "b/seed-1" ("b" has no matrix)'),
        ("needs: [x/seed-1]", 'no run "x/seed-1"'),
        ("needs: ['x*']", 'no run "x*"'),
        ("needs: ['z*']", 'no run "z*"'),
        ("source: {run: nobody}", 'a.yaml:22:15: error[E015] run "z": no run "nobody"'),
        ("source: {run: a}", 'source is "a", which is 2 runs (name one, such as a/seed-1, a/seed-2)'),
        ("source: {run: '*'}", 'source is "*", which is 4 runs (name one, such as a/seed-1, a/seed-2, b)'),
    ],
)
def test_a_name_that_leads_nowhere_is_said_at_its_place(line: str, expected: str) -> None:
    found = expanded(TRIO + prompt("rain") + run("z", line))
    (problem,) = said(found.problems)
    assert expected in problem
    assert keys(found) == ["a/seed-1", "a/seed-2", "b", "b-two"]
    assert found.held == {"z"}


def test_what_waits_for_a_refused_run_is_held_without_another_problem() -> None:
    chain = run("a", "prompt: nobody") + run("b", "needs: [a]") + run("c", "source: {run: b}") + run("d")
    found = expanded(chain)
    assert len(found.problems) == 1
    assert (keys(found), set(found.held)) == (["d"], {"a", "b", "c"})


def test_a_thousand_names_that_lead_nowhere_are_said_and_few_get_the_costly_hint() -> None:
    texts = [run(f"run-{n}", f"prompt: prompt-{n}x", f"needs: [run-{n}x]") + prompt(f"prompt-{n}") for n in range(500)]
    specs = load([SourceFile(f"{n}.yaml", text.encode()) for n, text in enumerate(texts)])
    problems = expand(specs, BUILT_IN, "test").problems
    assert len(problems) == 1000
    assert sum(bool(problem.hint) for problem in problems) == 2 * HINTS_MAX


# Cycles

CYCLES: list[tuple[str, list[str]]] = [
    (run("a", "needs: [a]"), ['a.yaml:5:9: error[E016] run "a": waits for itself: a -> a']),
    (
        run("a", "needs: [b]") + run("b", "source: {run: a}"),
        [
            'a.yaml:5:9: error[E016] run "a": waits for itself: a -> b -> a',
            'a.yaml:10:15: error[E016] run "b": waits for itself: b -> a -> b',
        ],
    ),
    (
        run("a", "needs: [x, b]") + run("b", "needs: [c]") + run("c", "needs: ['a/*']").replace("a/*", "a*") + run("x"),
        [
            'a.yaml:5:12: error[E016] run "a": waits for itself: a -> b -> c -> a',
            'a.yaml:10:9: error[E016] run "b": waits for itself: b -> c -> a -> b',
            'a.yaml:15:9: error[E016] run "c": waits for itself: c -> a -> b -> c',
        ],
    ),
    (
        run("a", "matrix: {params.s: [1, 2]}", "needs: [b]") + run("b", "needs: [a/s-1]"),
        [
            'a.yaml:6:9: error[E016] run "a": waits for itself: a -> b -> a',
            'a.yaml:11:9: error[E016] run "b": waits for itself: b -> a -> b',
        ],
    ),
]


@pytest.mark.parametrize(("text", "expected"), CYCLES)
def test_a_cycle_is_said_whole_at_each_of_its_runs(text: str, expected: list[str]) -> None:
    found = expanded(text)
    assert [line.split(" (")[0] for line in said(found.problems)] == expected


def test_what_only_leads_to_a_cycle_is_held_and_not_blamed() -> None:
    found = expanded(run("a", "needs: [a]") + run("b", "needs: [a]") + run("c"))
    assert len(found.problems) == 1
    assert (keys(found), set(found.held)) == (["c"], {"a", "b"})


def test_a_ring_of_thousands_is_said_and_cut() -> None:
    size = 3000
    specs = load(files("".join(run(f"r{n}", f"needs: [r{(n + 1) % size}]") for n in range(size))[:200_000]))
    assert not specs.problems
    found = expand(specs, BUILT_IN, "test")
    assert found.problems
    assert max(len(problem.message) for problem in found.problems) < 400


def test_everybody_waiting_for_everybody_costs_in_proportion_to_who_waits_for_whom() -> None:
    size = 300
    specs = load(files("".join(run(f"r{n}", "needs: ['r*']") for n in range(size))))
    assert len(expand(specs, BUILT_IN, "test").problems) == size
    lines_run(lambda: expand(specs, BUILT_IN, "test"), most=60 * size**2)


# Held


def test_a_run_that_names_a_prompt_of_a_broken_file_is_held() -> None:
    found = expand_broken(prompt("rain", "nagative: x"), run("a", "prompt: rain") + run("b", "needs: [a]") + run("c"))
    assert found.problems == ()
    assert (keys(found), set(found.held)) == (["c"], {"a", "b"})


def test_only_the_members_that_name_a_broken_prompt_are_held() -> None:
    found = expand_broken(prompt("rain", "nagative: x"), prompt("snow"), run("a", "matrix: {prompt: [rain, snow]}"))
    assert (keys(found), set(found.held)) == (["a/prompt-snow"], {"a/prompt-rain"})


def test_runs_of_a_broken_file_are_held_with_all_their_members() -> None:
    found = expand_broken(run("a", "matrix: {params.seed: [1]}", "steps_: 1"), run("b", "needs: [a/seed-1]") + run("c"))
    assert (keys(found), set(found.held)) == (["c"], {"a", "b"})
    assert found.holds("a/seed-1")
    assert not found.holds("c")


def test_a_file_that_is_no_yaml_holds_the_names_in_it() -> None:
    found = expand_broken(
        "kind: Prompt\nname: rain\ntext: [open\n", run("a", "prompt: rain") + run("b", "prompt: rian")
    )
    assert found.held == {"a", "b", "rain"}
    assert ['no prompt "rian"' in line for line in said(found.problems)] == [True]


def test_a_run_is_not_held_by_a_broken_file_that_has_its_name_in_it() -> None:
    found = expand_broken("kind: Prompt\nname: a\ntext: [open\n", run("a"))
    assert (keys(found), set(found.held)) == (["a"], set())


def test_a_parameter_without_a_default_is_required_and_one_with_null_is_not() -> None:
    params = "params: {must: {type: int}, may: {type: int, default: null}, does: {type: int, default: 1}}"
    found = expanded(f"kind: Model\nname: preview\nadapter: command\n{params}\n" + run("r"))
    declared = by_key(found)["r"].model.params
    assert {name: kind.required for name, kind in declared.items()} == {"must": True, "may": False, "does": False}


def test_a_model_of_a_broken_file_is_not_taken_from_the_built_in_ones() -> None:
    found = expand_broken("kind: Model\nname: preview\nadaptor: x\n", run("a"))
    assert (found.drafts, found.problems, set(found.held)) == ((), (), {"a"})


def test_a_glob_that_a_run_of_a_broken_file_might_match_holds() -> None:
    found = expand_broken(
        run("shot-2", "x: 1"), run("shot-1") + run("all", "needs: ['shot-*']") + run("b", "needs: ['c*']") + run("c")
    )
    assert (keys(found), set(found.held)) == (["b", "c", "shot-1"], {"all", "shot-2"})


def test_nothing_is_said_about_names_that_an_unreadable_file_may_define() -> None:
    lost = SourceFile("lost.yaml", None, "permission denied")
    specs = load([lost, *files(run("a", "prompt: rain") + run("b", "needs: [x]") + run("c"))])
    found = expand(specs, BUILT_IN, "test")
    assert (found.problems, keys(found), set(found.held)) == ((), ["c"], {"a", "b"})


def test_a_broken_spec_beside_a_good_file_stops_nobody_else() -> None:
    found = expand_broken(run("bad", "priority: x"), *(run(f"good-{n}") for n in range(20)))
    assert len(found.drafts) == 20


# Order, chance and size

LINES = st.sampled_from(
    [
        "prompt: rain",
        "prompt: rian",
        "needs: [a]",
        "needs: ['*']",
        "needs: ['b/*', c]",
        "source: {run: b}",
        "source: {run: b/seed-1}",
        "matrix: {params.seed: [1, 2]}",
        "matrix: {params.seed: [1, 2], include: [{controls.edge: 0.5}]}",
        "matrix: {prompt: [rain, snow], params.x: [1]}",
        "matrix: {seed: [1]}",
        "matrix: {controls.edge: [5]}",
        "model: nobody",
        "priority: x",
    ]
)


@st.composite
def projects(draw: st.DrawFn) -> list[str]:
    texts = [prompt("rain"), prompt("snow", "text_: x") if draw(st.booleans()) else prompt("snow")]
    for name in draw(st.lists(st.sampled_from("abcd"), min_size=1, max_size=4, unique=True)):
        lines = {line.split(":")[0]: line for line in draw(st.lists(LINES, max_size=3))}
        text = run(name, *lines.values())
        texts.append(text.replace("model: preview\n", "") if "model" in lines else text)
    return texts


def without_places(found: Expanded) -> object:
    drafts = [(d.key, d.id, d.at, d.params, d.controls, d.prompt, d.needs, d.source, d.axes) for d in found.drafts]
    return drafts, found.problems, found.held


@given(projects(), st.randoms(use_true_random=False))
def test_the_order_of_files_changes_nothing_in_what_they_mean(texts: list[str], chance: random.Random) -> None:
    one = files(*texts)
    other = one.copy()
    chance.shuffle(other)
    first, second = expand(load(one), BUILT_IN, "p"), expand(load(other), BUILT_IN, "p")
    assert without_places(first) == without_places(second)
    taken = {draft.key for draft in first.drafts}
    assert not taken & first.held
    assert all(key in taken for draft in first.drafts for key in draft.needs)


VALUES = st.one_of(
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(exclude_categories=["Cs", "Cc", "Cn", "Zl", "Zp"]), max_size=60),
)


@given(st.dictionaries(st.sampled_from(["a", "b", "a_b", "A"]), st.lists(VALUES, min_size=1, max_size=4), min_size=1))
def test_every_key_is_a_safe_path_and_its_own(axes: dict[str, list[object]]) -> None:
    matrix = json.dumps({f"params.{name}": values for name, values in axes.items()}, ensure_ascii=False)
    found = expanded(run("r", f"matrix: {matrix}"))
    if found.problems:
        assert all("twice" in line for line in said(found.problems))
        return
    assert len(set(keys(found))) == len(found.drafts)
    for key in keys(found):
        assert re.fullmatch(r"r/[a-z0-9][a-z0-9._-]*", key)
        assert ".." not in key
        assert len(key) <= KEY_MAX


def test_one_member_too_many_is_too_many() -> None:
    axes = f"params.seed: {list(range(5000))}, params.b: [1, 2], include: [{{params.c: 1}}]"
    (line,) = said(expanded(run("r", f"matrix: {{{axes}}}")).problems)
    assert f"makes {MEMBERS_MAX + 1} runs" in line


def test_ten_thousand_members_cost_in_proportion() -> None:
    few, many = (
        loaded(run("r", f"matrix: {{params.seed: {list(range(seeds))}, controls.edge: [0.25, 0.5]}}"))
        for seeds in (500, 5000)
    )
    assert len(expand(many, BUILT_IN, "test").drafts) == MEMBERS_MAX
    little = lines_run(lambda: expand(few, BUILT_IN, "test"))
    assert lines_run(lambda: expand(many, BUILT_IN, "test")) < 12 * little
