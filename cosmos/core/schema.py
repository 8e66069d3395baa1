"""One JSON Schema for a spec document of any kind, for editors; made from the types that specs are checked with.

`cosmos schema` prints it. yaml-language-server understands draft-07, so that is what this is: parts are
under `definitions`, nothing stands beside a `$ref`, and the kind picks the part by if/then, which gives
an editor the fields of that kind alone. A document that cosmos accepts is valid; rules about several
fields or several specs are not in it.
"""

from collections.abc import Mapping
from typing import cast

from pydantic.json_schema import models_json_schema

from cosmos.core.axes import AXIS
from cosmos.core.spec import KINDS
from cosmos.duration import DURATION

DRAFT = "http://json-schema.org/draft-07/schema#"

_KIND = "what this document describes"

Node = dict[str, object]


def schema() -> Node:
    """The schema as plain data."""
    _, together = models_json_schema([(kind, "validation") for kind in KINDS.values()])
    definitions = cast(dict[str, Node], _for_draft_07(together["$defs"]))
    for definition in definitions.values():
        for name, field in _nodes(definition, "properties").items():
            field.setdefault("title", name.capitalize())
    for spec in KINDS.values():
        _nodes(definitions[spec.__name__], "properties")["kind"]["description"] = _KIND
    _widen(definitions)
    return {
        "$schema": DRAFT,
        "title": "cosmos spec",
        "description": "One document of a spec file: what to make, what to have, or how outputs are made.",
        "type": "object",
        "required": ["kind"],
        "properties": {"kind": {"enum": list(KINDS), "title": "Kind", "description": _KIND}},
        "allOf": [
            {
                "if": {"properties": {"kind": {"const": kind}}, "required": ["kind"]},
                "then": {"$ref": f"#/definitions/{spec.__name__}"},
            }
            for kind, spec in KINDS.items()
        ],
        "definitions": definitions,
    }


def _for_draft_07(node: object) -> object:
    """The same schema in the older words."""
    if isinstance(node, list):
        return [_for_draft_07(item) for item in node]
    if not isinstance(node, dict):
        return node
    found = {key: _for_draft_07(value) for key, value in node.items()}
    if "patternProperties" in found:
        found.setdefault("additionalProperties", False)
    if isinstance(reference := found.pop("$ref", None), str):
        target = {"$ref": reference.replace("#/$defs/", "#/definitions/")}
        return {**found, "allOf": [target]} if found else target
    return found


def _widen(definitions: Mapping[str, Node]) -> None:
    """Add what validators accept before pydantic sees it, and which axes there are."""
    run = _nodes(definitions["RunSpec"], "properties")
    weight = _nodes(definitions["ControlSpec"], "properties")["weight"]
    controls = _nodes(run["controls"], "patternProperties")
    for role, control in controls.items():
        controls[role] = {"anyOf": [weight, control]}
    duration: list[Node] = [{"type": "string", "pattern": DURATION}, {"type": "number", "exclusiveMinimum": 0}]
    for field in ("timeout", "stall"):
        run[field] = {name: value for name, value in run[field].items() if name not in ("gt", "le")}
        run[field]["anyOf"] = [*duration, cast(Node, {"type": "null"})]
    matrix = definitions["Matrix"]
    _only_axes(matrix, _axis(cast(Node, matrix["additionalProperties"])))
    zipped = next(each for each in cast(list[Node], _nodes(matrix, "properties")["zip"]["anyOf"]) if "type" in each)
    for node in (zipped, _nodes(definitions["SampleSpec"], "properties")["axes"]):
        _only_axes(node, _axis(cast(Node, node["additionalProperties"])))
    for name in ("include", "exclude"):
        entry = cast(Node, _nodes(matrix, "properties")[name]["items"])
        _only_axes(entry, cast(Node, entry["additionalProperties"]))


def _axis(values: Node) -> Node:
    """A list or a range, as the type has it; the list is not empty."""
    listed, *others = cast(list[Node], values["anyOf"])
    return {"anyOf": [{**listed, "minItems": 1}, *others], "title": "Axis", "description": "values of one field"}


def _only_axes(node: Node, value: Node) -> None:
    node["patternProperties"] = {AXIS: value}
    node["additionalProperties"] = False


def _nodes(node: Node, name: str) -> dict[str, Node]:
    return cast(dict[str, Node], node[name])
