"""Identity: what a digest is made of, that it stays what it is, and runs as JSON and back."""

import json
from collections.abc import Mapping
from dataclasses import fields, replace
from typing import TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cosmos.core.codec import run_from_json, run_to_json
from cosmos.core.digest import (
    FACETS,
    NOT_IN_DIGEST,
    Digest,
    batch_id,
    canonical,
    changed,
    digest_of,
    material,
    member_folder,
    prompt_id,
    run_id,
    sha256_hex,
)
from cosmos.core.problem import Location
from cosmos.core.run import (
    Container,
    Control,
    Model,
    OutputFile,
    ParamType,
    Placement,
    Region,
    Requires,
    Run,
    Source,
)
from tests.makers import a_digest, a_material, a_model, a_run

FULL = a_run(
    "city/edge-0.2_seed-1",
    model=a_model(
        image="registry.example/model@sha256:00",
        command=("render", "{inputs.color}"),
        env={"MODE": "fast"},
        outputs={"video": "out.mp4"},
    ),
    negative="cartoon",
    inputs={"color": "inputs/city/color.mp4", "depth": "inputs/city/depth.mp4"},
    controls={"edge": Control(weight=0.2), "vis": Control(weight=0.25, preset="low", derived=True)},
    params={"seed": 1, "guidance": 5.0, "fast": True, "size": (1280, 704), "note": "rain", "mask": None},
    source=Source(key="up"),
)


def digest(run: Run, contents: Mapping[str, str] | None = None) -> Digest:
    """The digest of a run whose inputs hold the names of their roles, unless `contents` says otherwise."""
    held = {role: sha256_hex((contents or {}).get(role, role).encode()) for role in run.inputs}
    return digest_of(material(run, held, None if run.source is None else a_digest("up")))


# What is in --------------------------------------------------------------------------------------


def test_digests_stay_what_they_are() -> None:
    """These values are in databases and in folder names: a change here makes every finished run run again."""
    assert digest(a_run()) == "1c98eb81488c86ccf4990a4e10467c274d9cf39256480513c2b19c0b1e0af57f"
    assert digest(FULL) == "a22a08b2c4be5b14984bfa13d44f7c3f1b8ecdd278b6bac56163e90ef5a3372f"


def test_ids_stay_what_they_are() -> None:
    assert run_id("test", "city") == "rs_1d76122709"
    assert prompt_id("test", "heavy-rain") == "ps_e40579091b"
    assert batch_id(run_id("test", "city"), digest(a_run()), 3) == "rs_1d76122709-1c98eb81-a3"
    assert member_folder(digest(a_run())) == "1c98eb81488c86cc"


OTHER: Mapping[str, object] = {
    "key": "forest",
    "id": "rs_0000000000",
    "name": "forest",
    "at": Location("specs/other.yaml", 7),
    "model": None,  # by its own fields
    "adapter_version": 2,
    "prompt": "snow",
    "text": "Snow",
    "negative": "blurry",
    "inputs": {"color": "inputs/city/color.mp4"},
    "controls": {"edge": Control(weight=0.2)},
    "regions": (Region(text="a red car", box=(0.0, 0.0, 0.5, 0.5)),),
    "params": {"seed": 2},
    "source": Source(key="up", output="other"),
    "needs": ("forest",),
    "outputs": {"video": OutputFile(path="out.mp4", frames=24)},
    "placement": Placement(host="gpu-1", gpus=8),
    "priority": 99,
    "retry_limit": 9,
    "retry_on": ("ProgramFailed",),
    "timeout_s": 9.0,
    "stall_s": 9.0,
    "suspend": True,
    "labels": {"scene": "forest"},
    "axes": {"params.seed": "2"},
    "model.name": "other",
    "model.adapter": "command",
    "model.image": "registry.example/model@sha256:11",
    "model.command": ("render",),
    "model.outputs": {"video": "other.mp4"},
    "model.inputs": {"depth": False},
    "model.params": {"seed": ParamType(type="float")},
    "model.env": {"MODE": "slow"},
    "model.gpus": 8,
    "model.commit": "0123abc",
    "model.paths": {"repo": "/elsewhere"},
    "model.endpoint": "http://127.0.0.1:9000",
    "model.secrets": ("NGC_API_KEY",),
    "model.requires": Requires(driver="570"),
    "model.container": Container(network="host"),
    "model.at": Location("specs/models.yaml", 3),
    "control.weight": 0.3,
    "control.preset": "high",
    "control.derived": True,
    "control.prompt": "car . tree",
    "control.mask_prompt": "the road",
    "source.key": "elsewhere",
    "source.output": "other",
    "source.role": "depth",
    "source.file": "other.mp4",
}
"""Another value for every field that a digest could be made of."""


def altered(path: str) -> Run:
    """FULL with one field changed."""
    owner, _, name = path.rpartition(".")
    value: dict[str, object] = {name: OTHER[path]}
    if owner == "model":
        return replace(FULL, model=replace(FULL.model, **value))  # type: ignore[arg-type]
    if owner == "control":
        changed_control = replace(FULL.controls["edge"], **value)  # type: ignore[arg-type]
        return replace(FULL, controls={**FULL.controls, "edge": changed_control})
    if owner == "source":
        return replace(FULL, source=replace(FULL.source or Source(key="up"), **value))  # type: ignore[arg-type]
    return replace(FULL, **value)  # type: ignore[arg-type]


PATHS = (
    [field.name for field in fields(Run) if field.name != "model"]
    + [f"model.{field.name}" for field in fields(Model)]
    + [f"control.{field.name}" for field in fields(Control)]
    + [f"source.{field.name}" for field in fields(Source)]
)


@pytest.mark.parametrize("path", PATHS)
def test_a_field_changes_the_digest_unless_it_is_on_the_one_list(path: str) -> None:
    run = altered(path)
    assert run != FULL
    assert (digest(run) == digest(FULL)) == (path in NOT_IN_DIGEST)


def test_the_list_of_what_is_left_out_names_fields_that_exist() -> None:
    assert set(PATHS) >= NOT_IN_DIGEST


def test_the_bytes_of_an_input_are_in_the_digest_and_its_path_is_not() -> None:
    moved = replace(FULL, inputs={role: f"elsewhere/{role}.mp4" for role in FULL.inputs})
    assert digest(moved) == digest(FULL)
    assert digest(FULL, {"depth": "other bytes"}) != digest(FULL)


def test_the_digest_of_the_source_is_in_the_digest() -> None:
    held = {role: sha256_hex(role.encode()) for role in FULL.inputs}
    assert digest_of(material(FULL, held, a_digest("up"))) != digest_of(material(FULL, held, a_digest("up, edited")))


def test_an_input_whose_bytes_are_not_known_is_no_digest() -> None:
    with pytest.raises(KeyError):
        material(FULL, {"color": sha256_hex(b"color")}, None)


# Equal settings ----------------------------------------------------------------------------------


T = TypeVar("T")


def backwards(values: Mapping[str, T]) -> dict[str, T]:
    return dict(list(values.items())[::-1])


def test_equal_settings_in_another_order_are_one_digest() -> None:
    turned = replace(
        FULL,
        inputs=backwards(FULL.inputs),
        controls=backwards(FULL.controls),
        params=backwards(FULL.params),
    )
    assert digest(turned) == digest(FULL)


def test_values_that_a_model_tells_apart_are_two_digests() -> None:
    values = [1, 1.0, True, "1", None, (1,), ("1",)]
    assert len({digest(a_run(params={"seed": value})) for value in values}) == len(values)


def test_what_is_no_number_has_no_canonical_form() -> None:
    for value in (float("nan"), float("inf")):
        with pytest.raises(ValueError, match="JSON"):
            canonical({"weight": value})


# What changed ------------------------------------------------------------------------------------


def test_the_first_facet_that_differs_is_the_cause_with_the_names_that_do() -> None:
    old = a_material(params={"seed": 1, "steps": 35, "gone": 1}, controls={"edge": {"weight": 0.2}})
    new = a_material(params={"seed": 2, "steps": 35, "new": 1}, controls={"edge": {"weight": 0.2}})
    assert changed(old, new) == ("params", ("gone", "new", "seed"))
    assert changed(old, {**new, "prompt": {"text": "Snow", "negative": ""}}) == ("prompt", ("text",))
    assert changed(old, old) == ("", ())
    assert changed(old, {**old, "schema": 2}) == ("", ())
    assert changed(a_material(), a_material(source={"digest": "00"})) == ("source", ())


def test_a_material_that_was_stored_equals_the_one_it_was_stored_from() -> None:
    held = {role: sha256_hex(role.encode()) for role in FULL.inputs}
    fresh = material(FULL, held, a_digest("up"))
    stored = json.loads(canonical(fresh))
    assert stored == fresh
    assert changed(stored, fresh) == ("", ())
    assert set(fresh) == {"schema", *FACETS}


def test_a_change_of_type_that_changes_the_digest_is_named() -> None:
    assert changed(a_material(params={"seed": 1}), a_material(params={"seed": 1.0})) == ("params", ("seed",))


# Runs as JSON ------------------------------------------------------------------------------------

NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
SCALARS = st.text() | NUMBERS | st.booleans()
VALUES = st.none() | SCALARS | st.lists(SCALARS, max_size=3).map(tuple)
NAMES = st.text(min_size=1, max_size=8)
FINITE = st.floats(allow_nan=False, allow_infinity=False)
LOCATIONS = st.builds(Location, NAMES, st.integers(1, 9), st.integers(1, 9))
TEXTS = st.dictionaries(NAMES, st.text(), max_size=2)
PARAM_TYPES = st.builds(
    ParamType,
    type=st.sampled_from(["int", "float", "str", "bool"]),
    default=st.none() | SCALARS,
    required=st.booleans(),
    minimum=st.none() | FINITE,
    choices=st.lists(SCALARS, max_size=2).map(tuple),
    description=st.text(),
)
MODELS = st.builds(
    Model,
    name=NAMES,
    adapter=NAMES,
    image=st.none() | st.text(),
    command=st.lists(st.text(), max_size=3).map(tuple),
    outputs=TEXTS,
    inputs=st.dictionaries(NAMES, st.booleans(), max_size=2),
    params=st.dictionaries(NAMES, PARAM_TYPES, max_size=2),
    env=TEXTS,
    at=LOCATIONS,
)
CONTROLS = st.builds(Control, weight=FINITE, preset=st.none() | st.text(), derived=st.booleans())
OUTPUTS = st.builds(OutputFile, path=NAMES, video=st.booleans(), frames=st.none() | st.integers())
RUNS = st.builds(
    Run,
    key=NAMES,
    id=NAMES,
    name=NAMES,
    at=LOCATIONS,
    model=MODELS,
    adapter_version=st.integers(),
    prompt=st.none() | NAMES,
    text=st.text(),
    negative=st.text(),
    inputs=TEXTS,
    controls=st.dictionaries(NAMES, CONTROLS, max_size=2),
    params=st.dictionaries(NAMES, VALUES, max_size=4),
    source=st.none() | st.builds(Source, key=NAMES, output=NAMES, role=NAMES),
    needs=st.lists(NAMES, max_size=2).map(tuple),
    outputs=st.dictionaries(NAMES, OUTPUTS, max_size=2),
    placement=st.builds(Placement, host=NAMES, gpus=st.integers(0, 8), labels=TEXTS),
    priority=st.integers(),
    retry_limit=st.integers(0, 9),
    retry_on=st.lists(NAMES, max_size=2).map(tuple),
    timeout_s=FINITE,
    stall_s=st.none() | FINITE,
    suspend=st.booleans(),
    labels=TEXTS,
    axes=TEXTS,
)


@given(RUNS)
def test_a_run_survives_json(run: Run) -> None:
    text = run_to_json(run)
    back = run_from_json(text)
    assert back == run
    assert run_to_json(back) == text  # 1, 1.0 and True are equal and yet not the same
    assert digest(back) == digest(run)


@pytest.mark.parametrize("text", ["", "{}", "[]", "null", '{"key": "city"}', run_to_json(a_run())[:-1]])
def test_text_that_is_no_run_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="validation error"):
        run_from_json(text)
