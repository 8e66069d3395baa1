"""Reading YAML: scalars of YAML 1.2, places, limits, and refusals in one go."""

import json
import random
import subprocess
import sys

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cosmos.core.document import DEPTH_MAX, NODES_MAX
from cosmos.core.problem import Code
from cosmos.core.yaml12 import BYTES_MAX, SYNTAX_ERRORS_MAX, Parsed, parse
from tests.core.spec_files import said
from tests.work import lines_run


def read(text: str | bytes) -> Parsed:
    return parse("f.yaml", text.encode() if isinstance(text, str) else text)


def value(text: str) -> object:
    found = read(text)
    assert not found.problems, said(found.problems)
    return found.documents[0].data


SCALARS: list[tuple[str, object]] = [
    ("no", "no"),
    ("on", "on"),
    ("Yes", "Yes"),
    ("y", "y"),
    ("true", True),
    ("FALSE", False),
    ("~", None),
    ("null", None),
    ("Null", None),
    ("", None),
    ("nULL", "nULL"),
    ("1:30", "1:30"),
    ("12:30:45", "12:30:45"),
    ("012", 12),
    ("-7", -7),
    ("+7", 7),
    ("0o17", 15),
    ("0x1F", 31),
    ("0b11", "0b11"),
    ("1_000", "1_000"),
    ("1e-5", 1e-5),
    ("1e3", 1000.0),
    ("6.5", 6.5),
    (".5", 0.5),
    ("5.", 5.0),
    ("-.5e+1", -5.0),
    ("2024-13-45", "2024-13-45"),
    ("2024-01-02", "2024-01-02"),
    ("'12'", "12"),
    ('"true"', "true"),
    ("=", "="),
    (".", "."),
    ("-", [None]),
    ("1.2.3", "1.2.3"),
    ("9223372036854775807", 2**63 - 1),
    ("-9223372036854775808", -(2**63)),
]


@pytest.mark.parametrize(("text", "expected"), SCALARS)
def test_a_plain_scalar_means_what_yaml_1_2_says(text: str, expected: object) -> None:
    found = value(f"a: {text}\n" if text != "-" else "a:\n  -\n")
    assert found == {"a": expected}
    assert isinstance(found, dict)
    assert type(found["a"]) is type(expected)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("9223372036854775808", "is a number of more than 64 bits"),
        ("-9223372036854775809", "is a number of more than 64 bits"),
        ("9" * 5000, "is a number of more than 64 bits"),
        ("0x" + "f" * 100_000, "is a number of more than 64 bits"),
        ("1e999", "is beyond the range of numbers"),
        (".inf", "is not a finite number"),
        ("-.INF", "is not a finite number"),
        (".nan", "is not a finite number"),
    ],
)
def test_a_number_that_nothing_can_be_given_is_refused(text: str, reason: str) -> None:
    (problem,) = read(f"a: {text}").problems
    assert problem.code is Code.WRONG_VALUE
    assert reason in problem.message
    assert len(problem.message) < 120


def test_keys_are_text_as_written() -> None:
    assert value("1: a\nno: b\n1.50: c\n~: d\n'x': e\n") == {"1": "a", "no": "b", "1.50": "c", "~": "d", "x": "e"}


def test_a_file_has_any_number_of_documents() -> None:
    found = read("a: 1\n---\n---\nb: 2\n...\n# end\n")
    assert [document.data for document in found.documents] == [{"a": 1}, None, {"b": 2}]


def test_places_of_keys_and_values_count_from_one_and_in_characters() -> None:
    (document,) = read("a: \U0001f600\nbé: {c: [1, 'x']}\n").documents
    assert str(document.locate(("a",))) == "f.yaml:1:4"
    assert str(document.locate_key(("bé", "c"))) == "f.yaml:2:6"
    assert str(document.locate(("bé", "c", 1))) == "f.yaml:2:13"
    assert str(document.locate(("bé", "nothing", "more"))) == "f.yaml:2:5"
    assert str(document.locate(())) == "f.yaml:1:1"


def test_a_byte_order_mark_is_no_part_of_the_first_key() -> None:
    (document,) = read(b"\xef\xbb\xbfkind: Run\n").documents
    assert document.data == {"kind": "Run"}
    assert str(document.locate(("kind",))) == "f.yaml:1:7"


def test_anchors_aliases_and_merge_keys_give_what_they_name() -> None:
    text = "a: &x {p: 1, q: 2}\nb: *x\nc: {<<: *x, q: 3}\nd: {<<: [{p: 9}, *x], r: 4}\n"
    assert value(text) == {
        "a": {"p": 1, "q": 2},
        "b": {"p": 1, "q": 2},
        "c": {"p": 1, "q": 3},
        "d": {"p": 9, "q": 2, "r": 4},
    }


def test_a_merged_field_is_found_where_it_is_written() -> None:
    (document,) = read("a: &x\n  p: 1\nb:\n  <<: *x\nc: *x\n").documents
    assert str(document.locate(("b", "p"))) == "f.yaml:2:6"
    assert str(document.locate(("c",))) == "f.yaml:5:4"
    assert str(document.locate(("c", "p"))) == "f.yaml:2:6"


REFUSALS: list[tuple[str, str]] = [
    ("a: 1\nb: 2\na: 3\n", 'f.yaml:3:1: error[E005] "a" is already set in line 1 (keep one of them)'),
    ("{a: 1, 'a': 2}", 'f.yaml:1:8: error[E005] "a" is already set in line 1 (keep one of them)'),
    ("[x]: 1", "f.yaml:1:1: error[E004] a key must be a word or text, not a list or a mapping"),
    ("? {a: 1}\n: 2", "f.yaml:1:3: error[E004] a key must be a word or text, not a list or a mapping"),
    ("&k a: 1\n*k : 2", "f.yaml:2:1: error[E004] a key must not be an alias (write it out)"),
    ("a: *b", 'f.yaml:1:4: error[E004] alias "b" has no anchor before it in this document'),
    ("a: &x 1\n---\nb: *x", 'f.yaml:3:4: error[E004] alias "x" has no anchor before it in this document'),
    ("a: &x [*x]", 'f.yaml:1:8: error[E003] alias "x" stands inside of what it names'),
    ("<<: 5", 'f.yaml:1:5: error[E004] "<<" takes a mapping or a list of mappings'),
    ("a: !!python/object:os.system x", "f.yaml:1:4: error[E004] tag"),
    ("a: !ruby x", 'f.yaml:1:4: error[E004] tag "!ruby" is not supported'),
    ('a: "x\\0y"', "f.yaml:1:4: error[E014] contains NUL, which no program can be given"),
    ('a: "\\ud800"', "f.yaml:1:7: error[E004] not YAML: found invalid Unicode character escape code"),
    ("a: b: c", "f.yaml:1:5: error[E004] not YAML: mapping values are not allowed in this context (quote a text"),
    ("a:\n\tb: 1", "f.yaml:2:1: error[E004] not YAML: found character that cannot start any token"),
    ('a: 1\nb: "open\nc: 2\n', "f.yaml:2:4: error[E004] not YAML: found unexpected end of stream"),
    ("a: 'open\n---\nb: 2\n", "f.yaml:1:4: error[E004] not YAML: found unexpected document indicator"),
    ("a: @x", "f.yaml:1:4: error[E004] not YAML: found character that cannot start any token"),
    ("%YAML 2.0\n---\na: 1", "f.yaml:1:1: error[E004] not YAML: found incompatible YAML document"),
    ("a: x\x07y", "f.yaml:1:5: error[E004] character U+0007 cannot be in a spec file (remove it)"),
    ("a: x\u2028y", "f.yaml:1:5: error[E004] character U+2028 cannot be in a spec file (remove it)"),
    ("a: \x00", "f.yaml:1:4: error[E004] character U+0000 cannot be in a spec file (remove it)"),
]


@pytest.mark.parametrize(("text", "expected"), REFUSALS)
def test_a_refusal_says_what_and_where(text: str, expected: str) -> None:
    assert said(read(text).problems)[0].startswith(expected)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"a: 1\nbc: x\xff", "f.yaml:2:6: error[E002] byte 0xFF is not UTF-8 (save the file as UTF-8)"),
        ("ä: ä".encode() + b"\xe4", "f.yaml:1:5: error[E002] byte 0xE4 is not UTF-8 (save the file as UTF-8)"),
        ("a: 1".encode("utf-16"), "f.yaml:1:1: error[E002] is UTF-16 (save the file as UTF-8)"),
        (b"\xef\xbb\xbf\xed\xa0\x80", "f.yaml:1:1: error[E002] byte 0xED is not UTF-8 (save the file as UTF-8)"),
    ],
)
def test_what_is_not_utf8_is_refused(data: bytes, expected: str) -> None:
    found = read(data)
    assert said(found.problems) == [expected]
    assert not found.whole


def test_all_that_is_wrong_is_said_and_reading_goes_on_at_the_next_document() -> None:
    found = read("a: [1\n---\nb: 1\nb: 2\n---\nc: 'x\n---\nd: !t 1\n")
    places = [(problem.at.line, problem.code) for problem in found.problems]
    assert sorted(places) == [
        (2, Code.SYNTAX),
        (4, Code.DUPLICATE_KEY),
        (6, Code.SYNTAX),
        (8, Code.SYNTAX),
    ]
    assert [document.data for document in found.documents] == [{"b": 1}, {"d": "1"}]
    assert not found.whole


def test_an_error_on_the_line_of_its_marker_is_said_once() -> None:
    found = read("--- ]\n---\nb: 1\n")
    assert [problem.at.line for problem in found.problems] == [1]
    assert [document.data for document in found.documents] == [{"b": 1}]


def test_syntax_errors_are_counted_before_they_cost_much() -> None:
    found = read("---\n[\n" * 30_000)
    assert len(found.problems) == SYNTAX_ERRORS_MAX


def nested_aliases(levels: int) -> str:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, levels)]
    return "\n".join(lines)


LIMITS: list[tuple[str, str]] = [
    ("x" * 1_000_000, "larger than 256 KiB"),
    ("a: " + "x" * 1_000_000 + "\n", "larger than 256 KiB"),
    ("[" * 100_000, "nested more than 64 deep"),
    ("{a: " * 50_000, "nested more than 64 deep"),
    ("- " * 100_000 + "x", "nested more than 64 deep"),
    ("? " * 100_000, "nested more than 64 deep"),
    ("\n".join(" " * n + "a:" for n in range(700)), "nested more than 64 deep"),
    (nested_aliases(20), "more than 50000 values in one file"),
    ("a: &a {x: 1}\nb: [" + "*a," * 60_000 + "]", "more than 50000 values in one file"),
    ("[" + "1," * 60_000 + "]", "more than 50000 values in one file"),
    ("\n".join(f"a{n}: &a{n} {'[' * 40}*a{n - 1}{']' * 40}" for n in range(9)).replace("*a-1", "x"), "nested more"),
]


@pytest.mark.parametrize(("text", "expected"), LIMITS)
def test_a_limit_is_a_clean_error_and_costs_little(text: str, expected: str) -> None:
    lines_run(lambda: read(text), most=60 * NODES_MAX)
    found = read(text)
    (problem,) = (problem for problem in found.problems if problem.code is Code.TOO_LARGE)
    assert problem.message.startswith(expected)
    assert not found.whole


def test_nesting_that_kills_the_composer_of_pyyaml_kills_nothing_here() -> None:
    """In a process of its own: a crash would end the whole test run."""
    code = "from cosmos.core.yaml12 import parse; print(len(parse('f', b'[' * 200_000).problems))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, "1\n")


def test_what_is_within_the_limits_is_read() -> None:
    assert value("[" * DEPTH_MAX + "]" * DEPTH_MAX)
    assert read("[" * (DEPTH_MAX + 1) + "]" * (DEPTH_MAX + 1)).problems
    assert value("[" + "1," * (NODES_MAX - 1) + "]") == [1] * (NODES_MAX - 1)
    assert read("[" + "1," * NODES_MAX + "]").problems
    assert value("a: " + "x" * (BYTES_MAX - 3))
    assert read("a: " + "x" * (BYTES_MAX - 2)).problems


PIECES = ["a", "b", ": ", ":", "\n", "  ", "- ", "[", "]", "{", "}", ",", "'", '"', "&x ", "*x", "<<", "---\n", "...\n"]
PIECES += [
    "|\n",
    ">-\n",
    "!t ",
    "# ",
    "? ",
    "%YAML 1.2\n",
    "\t",
    "1",
    "1e999",
    "~",
    "\\",
    "\\0",
    "\u2028",
    "\x85",
    "\r",
]


@given(st.lists(st.sampled_from(PIECES), max_size=40).map("".join))
@example("- <<: *x\n  <<: {a: 1}\n")
@example("? &x\n: *x")
def test_no_yaml_whatsoever_raises(text: str) -> None:
    found = read(text)
    assert all(problem.at.line >= 1 and problem.at.column >= 1 for problem in found.problems)
    assert found.whole or found.problems


@given(st.binary(max_size=200))
def test_no_bytes_whatsoever_raise(data: bytes) -> None:
    assert read(data).whole in (True, False)


PLAIN = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
WORDS = st.text(st.characters(exclude_categories=["Cs", "Cc", "Cn", "Zl", "Zp"]), max_size=12)
DATA = st.recursive(
    PLAIN | WORDS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS, inner, max_size=4), max_leaves=12
)


@given(DATA)
def test_json_is_read_as_json_says(data: object) -> None:
    """YAML 1.2 holds JSON; Python's writer of it is a second opinion on scalars, quotes and nesting."""
    assert value(json.dumps(data, ensure_ascii=False)) == data


def test_cutting_a_file_anywhere_never_raises() -> None:
    text = (
        "kind: Run\nname: a\nlabels: {a: 'b', c: \"d\\u00e9\"}\nparams:\n  x: [1, &y 2, *y]\n  t: |\n    é\n---\na: b\n"
    )
    data = text.encode()
    for end in range(len(data)):
        read(data[:end])
    shuffled = list(text)
    random.Random(1).shuffle(shuffled)
    read("".join(shuffled))
