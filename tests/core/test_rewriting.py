"""Edits of spec files: what was asked for is said, and every other byte stays as it was."""

import copy
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cosmos.core.digest import canonical
from cosmos.core.document import resolve
from cosmos.core.rewriting import rewritten
from cosmos.core.splicing import SpliceError, pieces
from cosmos.core.yaml_text import document, inline
from cosmos.core.yaml_text import key as yaml_key

FILE = """\
# yaml-language-server: $schema=../schema.json
---
kind: Prompt   # the kind
name: rain
labels: {scene: city, a: "b"}  # labels
text: >-
    Heavy rain over a collapsed avenue, wet concrete,
    overcast light.

# between
negative: 'cartoon, low quality'
inputs:
  color: inputs/a.mp4
  # depth
  depth: inputs/b.mp4
--- # two
kind: Run
name: x
needs:
- a   # first
- b

# tail
- c
note: |
  one
    two
suspend:
matrix:
   include: [{a: 1, b: 2}, {a: 2}]
   exclude:
   -  a: 1
      b: 2
   - {a: 3}
"""

WET = "Heavy rain over a collapsed avenue, wet concrete, overcast light."

CASES: list[tuple[int, Callable[[dict], object], str, str]] = [  # type: ignore[type-arg]
    (0, lambda d: d.update(text=WET.replace("rain", "snow")), "rain over", "snow over"),
    (0, lambda d: d.update(negative="it's"), "'cartoon, low quality'", "'it''s'"),
    (0, lambda d: d["labels"].pop("scene"), "scene: city, ", ""),
    (0, lambda d: d["labels"].pop("a"), ', a: "b"', ""),
    (0, lambda d: d.pop("labels"), 'labels: {scene: city, a: "b"}  # labels\n', ""),
    (0, lambda d: d["labels"].update(m="x, y", z="1"), '"b"}', '"b", m: "x, y", z: "1"}'),
    (0, lambda d: d["labels"].update(a="no"), '"b"', '"no"'),
    (0, lambda d: d["inputs"].pop("color"), "  color: inputs/a.mp4\n", ""),
    (0, lambda d: d["inputs"].update(vis="v.mp4"), "depth: inputs/b.mp4", "depth: inputs/b.mp4\n  vis: v.mp4"),
    (0, lambda d: d.update(tags=["a", "b"]), "depth: inputs/b.mp4", "depth: inputs/b.mp4\ntags: [a, b]"),
    (
        0,
        lambda d: d.update(inputs="inputs/city"),
        "inputs:\n  color: inputs/a.mp4\n  # depth\n  depth: inputs/b.mp4\n",
        "inputs: inputs/city\n",
    ),
    (1, lambda d: d["needs"].insert(1, "z"), "# first\n", "# first\n- z\n"),
    (1, lambda d: d["needs"].insert(0, "z"), "- a ", "- z\n- a "),
    (1, lambda d: d["needs"].extend("zq"), "- c\n", "- c\n- z\n- q\n"),
    (1, lambda d: d["needs"].remove("b"), "- b\n", ""),
    (1, lambda d: d["needs"].remove("c"), "- c\n", ""),
    (1, lambda d: d.update(note="one\n  three\n"), "    two", "    three"),
    (1, lambda d: d.update(suspend=True), "suspend:", "suspend: true"),
    (1, lambda d: d.update(suspend={"a": 1.5}), "suspend:", "suspend: {a: 1.5}"),
    (1, lambda d: d.pop("suspend"), "suspend:\n", ""),
    (1, lambda d: d["matrix"]["include"].pop(0), "{a: 1, b: 2}, ", ""),
    (1, lambda d: d["matrix"]["include"].pop(1), ", {a: 2}", ""),
    (1, lambda d: d["matrix"]["include"].insert(0, {"c": "k"}), "[{a: 1", "[{c: k}, {a: 1"),
    (1, lambda d: d["matrix"]["include"][1].update(a=7), "{a: 2}", "{a: 7}"),
    (1, lambda d: d["matrix"]["exclude"][0].pop("b"), "\n      b: 2", ""),
    (1, lambda d: d["matrix"]["exclude"][0].pop("a"), "a: 1\n      b", "b"),
    (1, lambda d: d["matrix"]["exclude"].pop(0), "   -  a: 1\n      b: 2\n", ""),
    (1, lambda d: d["matrix"]["exclude"].append({"a": 4}), "- {a: 3}", "- {a: 3}\n   - {a: 4}"),
]  # fmt: skip


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize("case", range(len(CASES)))
def test_an_edit_changes_what_it_is_about_alone(case: int, ending: str) -> None:
    index, edit, old, new = CASES[case]
    assert FILE.count(old) == 1
    data = FILE.replace("\n", ending).encode()
    assert edited(data, index, edit) == FILE.replace(old, new).replace("\n", ending).encode()


def edited(data: bytes, index: int, edit: Callable[[dict], object]) -> bytes:  # type: ignore[type-arg]
    piece = pieces("a.yaml", data)[index]
    wanted = copy.deepcopy(piece.data)
    assert isinstance(wanted, dict)
    edit(wanted)
    return rewritten("a.yaml", data, piece, wanted)


REFUSED = [
    ("kind: Run\na: &x {b: 1}\nc: *x\n", lambda d: d["a"].update(b=2)),
    ("kind: Run\na: &x {b: 1}\nc: *x\n", lambda d: d["c"].update(b=2)),
    ("kind: Run\na: &x {b: 1}\nc:\n  <<: *x\n  d: 1\n", lambda d: d["c"].pop("b")),
    ("kind: Run\na: [1, # one\n  2]\n", lambda d: d["a"].pop(1)),
    ("kind: Run\na:\n  # the first\n  - 1\n", lambda d: d.update(a=3)),
]


@pytest.mark.parametrize("case", range(len(REFUSED)))
def test_what_would_touch_something_else_is_refused(case: int) -> None:
    text, edit = REFUSED[case]
    with pytest.raises(SpliceError):
        edited(text.encode(), 0, edit)


def test_an_own_value_goes_before_one_that_is_merged() -> None:
    text = "kind: Run\na: &x {b: 1}\nc:\n  <<: *x\n  d: 1\n"
    assert edited(text.encode(), 0, lambda d: d["c"].update(b=2)).decode() == text + "  b: 2\n"


# Any document, any field ---------------------------------------------------------------------------

LETTERS = st.characters(codec="utf-8", exclude_characters="\x00\ufeff\x85\u2028\u2029", exclude_categories=("Cc", "Cs"))
TEXTS = st.one_of(
    st.sampled_from(["no", "1", "1e3", "~", "a: b", "a #b", "- x", "", " x ", "it's", 'say "x"', "a\nb\n", "a\n\n b"]),
    st.text(LETTERS, max_size=20),
    st.lists(st.sampled_from(["wet", "avenue", "light,", "overcast"]), min_size=20, max_size=40).map(" ".join),
)
SCALARS = st.one_of(TEXTS, st.integers(-(1 << 63), (1 << 63) - 1), st.booleans(), st.floats(-1e9, 1e9))
VALUES = st.one_of(
    SCALARS,
    st.lists(SCALARS, max_size=3),
    st.dictionaries(st.from_regex("[a-z]{1,5}", fullmatch=True), SCALARS, max_size=3),
)
COMMENTS = st.sampled_from(["", "# a comment\n", "\n", "#\n\n", "#- x: {\n"])
TRAILS = st.sampled_from(["", "", "   # behind", " #:"])


@dataclass(frozen=True)
class Field:
    """One field as somebody wrote it; `lead` and `trail` are comments around it."""

    name: str
    value: object
    text: str


@st.composite
def fields(draw: st.DrawFn, name: str, indent: str) -> Field:
    value = draw(VALUES)
    lead, trail = draw(COMMENTS), draw(TRAILS)
    key = draw(st.sampled_from([name, f'"{name}"', f"'{name}'"]))
    written = document({name: value}).removeprefix(name)
    style = draw(st.sampled_from(["same", "block", "wide", "single"]))
    if style == "block" and isinstance(value, list) and value:
        written = ":\n" + "".join(f"- {inline(each, in_flow=False)}\n" for each in value)
    elif style == "block" and isinstance(value, dict) and value:
        written = ":\n" + "".join(f"   {yaml_key(n)}:  {inline(each, in_flow=False)}\n" for n, each in value.items())
    elif style == "wide" and "\n" not in written[:-1]:
        written = written.replace(": ", ":    ", 1)
    if "\n" not in written[:-1]:
        written = f"{written[:-1]}{trail}\n"
    text = f"{lead}{key}{written}"
    read = pieces("a.yaml", text.encode())[0].data
    assert isinstance(read, dict)
    lines = text.splitlines(keepends=True)
    return Field(
        name, next(iter(read.values())), "".join(f"{indent}{line}" if line.strip() else line for line in lines)
    )


Scene = tuple[list[list[Field]], int, int]


@st.composite
def scenes(draw: st.DrawFn) -> Scene:
    """Documents of fields, and which field is meant."""
    names = ["aa", "bb", "cc", "dd"]
    documents = [
        [draw(fields(name, "")) for name in names[: draw(st.integers(2, 4))]] for _ in range(draw(st.integers(1, 2)))
    ]
    which = draw(st.integers(0, len(documents) - 1))
    return documents, which, draw(st.integers(0, len(documents[which]) - 1))


@settings(max_examples=80, deadline=None)
@given(scenes(), VALUES, st.sampled_from(["\n", "\r\n"]), st.sampled_from(["set", "add", "remove"]))
def test_every_other_byte_of_a_file_stays(scene: Scene, value: object, ending: str, what: str) -> None:
    documents, which, index = scene
    chunks = [[field.text.replace("\n", ending) for field in fields] for fields in documents]
    data = f"---{ending}".join("".join(each) for each in chunks).encode()
    piece = pieces("a.yaml", data)[which]
    wanted = copy.deepcopy(piece.data)
    assert isinstance(wanted, dict)
    name = documents[which][index].name
    if what == "remove":
        del wanted[name]
    else:
        wanted[name if what == "set" else "new"] = value
    try:
        written = rewritten("a.yaml", data, piece, wanted)
    except SpliceError:
        assert what == "set"  # a comment within a value that becomes another one
        return
    found = pieces("a.yaml", written)
    assert canonical(found[which].data) == canonical(wanted)
    index = len(chunks[which]) if what == "add" else index
    before = f"---{ending}".join("".join(each) for each in [*chunks[:which], chunks[which][:index]])
    behind = "".join(chunks[which][index + 1 :]) + "".join(
        f"---{ending}{''.join(each)}" for each in chunks[which + 1 :]
    )
    text = written.decode()
    assert text.startswith(before.rstrip("\r\n") if what == "add" else before)
    assert text.endswith(behind)
    own = chunks[which][index] if what != "add" else ""
    comments = [line for line in own.split(ending) if line.lstrip().startswith("#")]
    middle = text[len(before) : len(text) - len(behind)].split(ending)
    assert [line for line in middle if line.lstrip().startswith("#")][: len(comments)] == comments
    if ending == "\r\n":
        assert text.count("\n") == text.count("\r\n")


@settings(max_examples=50, deadline=None)
@given(st.dictionaries(st.from_regex("[a-z]{1,5}", fullmatch=True), VALUES, min_size=1, max_size=4))
def test_a_new_document_says_what_it_is_to_say(data: dict[str, object]) -> None:
    made = document(data)
    assert canonical(pieces("a.yaml", made.encode())[0].data) == canonical(data)


def test_texts_are_quoted_only_where_they_must_be() -> None:
    assert document({"a": "wet, grey", "b": "no", "c": "12345678", "d": "x: y", "t": ["a", "b c", "d,e"]}) == (
        'a: wet, grey\nb: "no"\nc: "12345678"\nd: "x: y"\nt: [a, b c, "d,e"]\n'
    )
    assert resolve("no") == "no"  # for cosmos it is text; for others it is not
