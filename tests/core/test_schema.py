"""The JSON Schema for editors agrees with what `load` accepts."""

import json
from collections.abc import Iterator

import jsonschema
import pytest

from cosmos.core import yaml12
from cosmos.core.schema import schema
from cosmos.core.spec import KINDS
from tests.core.spec_files import loaded

VALIDATOR = jsonschema.Draft7Validator(schema())

RUN = "kind: Run\nname: r\nmodel: m\n"
GOOD = [
    "kind: Prompt\nname: p\ntext: x",
    "kind: Prompt\nname: p\ntext: x\nnegative: y\ninputs: inputs/city\nlabels: {a.b: c}",
    "kind: Prompt\nname: p\ntext: x\ninputs: {color: a.mp4}",
    RUN,
    RUN + "controls: {edge: 0.5, vis: 1, seg: {weight: 0.2, input: a.mp4, preset: low}}",
    RUN + "params: {seed: 1, a: x, b: [1, two], c: ~, d: true, e: 1.5}",
    RUN + "matrix: {params.seed: [1, 2], controls.edge: [0.5], controls.seg.preset: [low], prompt: [a]}",
    RUN + "matrix:\n  params.seed: [1]\n  include: [{params.seed: 7, model: x}]\n  exclude: [{params.seed: 1}]",
    RUN + "timeout: 1h30m",
    RUN + "timeout: 90",
    RUN + "source: {run: other}\nneeds: ['a/*']\nplacement: {host: any, gpus: 1}\nretry: {limit: 0}\nsuspend: true",
    "kind: Model\nname: m\nadapter: command\ncommand: [a]\noutputs: {video: o.mp4}\nenv: {A: b}\ninputs: {v: {}}",
    "kind: Model\nname: m\nadapter: preview\nparams: {n: {type: int, default: 1, min: 0, choices: [0, 1]}}",
    RUN + "source: {runs: 'a/*', where: rating >= 4}",
    "kind: Review\nrun: city/seed-1\ndigest: 3fa9c1d2\nrating: 5\nnote: wet\ntags: [hero]",
]
BAD = [
    "name: x",
    "kind: Runs\nname: x",
    "kind: Prompt\nname: p",
    "kind: Prompt\nname: p\ntext: ''",
    "kind: Prompt\nname: P\ntext: x",
    "kind: Prompt\nname: p\ntext: x\nmodel: y",
    "kind: Prompt\nname: p\ntext: x\ninputs: {Color: a.mp4}",
    "kind: Prompt\nname: p\ntext: x\nlabels: {A: b}",
    RUN + "steps_: 1",
    RUN + "priority: 101",
    RUN + "priority: '5'",
    RUN + "suspend: 'no'",
    RUN + "controls: {edge: 2}",
    RUN + "controls: {edge: {preset: low}}",
    RUN + "controls: {Edge: 1}",
    RUN + "params: {x: {y: 1}}",
    RUN + "matrix: {params.seed: 1}",
    RUN + "timeout: 2 hours",
    RUN + "timeout: 0",
    RUN + "needs: a",
    RUN + "retry: {limits: 1}",
    "kind: Model\nname: m",
    "kind: Model\nname: m\nadapter: a\nparams: {n: {type: integer}}",
    "kind: Review\nrun: city\ndigest: 3fa9c1d2\nrating: 0",
    "[]",
]
ONLY_IN_THE_EDITOR = [
    RUN + "matrix: {seed: [1]}",
    RUN + "matrix: {params.seed: []}",
    RUN + "matrix: {include: [{a: 1}]}",
]
"""Wrong in a way that is said by `expand`, not by `load`."""


def data(text: str) -> object:
    (document,) = yaml12.parse("f", text.encode()).documents
    return document.data


@pytest.mark.parametrize("text", GOOD)
def test_a_good_spec_is_valid(text: str) -> None:
    assert loaded(text).problems == ()
    assert [error.message for error in VALIDATOR.iter_errors(data(text))] == []


@pytest.mark.parametrize("text", BAD)
def test_a_bad_spec_is_not_valid(text: str) -> None:
    assert loaded(text).problems
    assert list(VALIDATOR.iter_errors(data(text)))


@pytest.mark.parametrize("text", ONLY_IN_THE_EDITOR)
def test_an_axis_that_sets_no_field_is_not_valid(text: str) -> None:
    assert list(VALIDATOR.iter_errors(data(text)))


def test_the_schema_is_draft_07_and_says_so() -> None:
    found = schema()
    assert found["$schema"] == "http://json-schema.org/draft-07/schema#"
    jsonschema.Draft7Validator.check_schema(found)
    for newer in ("$defs", "prefixItems", "discriminator", "unevaluatedProperties", "$dynamicRef", '"gt"'):
        assert newer not in json.dumps(found)


def nodes(node: object) -> Iterator[dict[str, object]]:
    if isinstance(node, dict):
        yield node
    for inner in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from nodes(inner)


def test_nothing_stands_beside_a_reference_where_draft_07_would_not_see_it() -> None:
    assert [node for node in nodes(schema()) if "$ref" in node and len(node) > 1] == []


def test_every_field_is_explained() -> None:
    found = schema()["definitions"]
    assert isinstance(found, dict)
    assert {spec.__name__ for spec in KINDS.values()} < found.keys()
    unexplained = [
        f"{name}.{field}"
        for name, part in found.items()
        for field, about in part["properties"].items()
        if not about.get("description") or not about.get("title")
    ]
    assert unexplained == []
    assert all(part.get("description") for part in found.values())


def test_an_unknown_field_is_said_to_be_one_of_its_own_kind() -> None:
    (error,) = VALIDATOR.iter_errors(data("kind: Prompt\nname: p\ntext: x\nmodel: y"))
    assert "'model' was unexpected" in error.message
