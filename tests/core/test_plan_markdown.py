"""The plan as a comment for a pull request, and that nothing in it can be more than text there."""

import html
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from cosmos.core.estimate import Basis
from cosmos.core.plan import Act, Cause, Operation, Plan
from cosmos.core.plan_markdown import code, markdown, table
from cosmos.core.problem import Code, Location, Problem
from tests.makers import a_blob, a_digest

SPANS = re.compile(r"`[^`]*`|<code>[^<]*</code>")
"""What a forge shows as code, as this module writes it."""


def launch(key: str, **fields: object) -> Operation:
    given: dict[str, object] = {
        "act": Act.LAUNCH,
        "cause": Cause.NEVER_RAN,
        "key": key,
        "digest": a_digest(key),
        "at": Location("specs/city.yaml", 8),
        "host": "lambda",
        **fields,
    }
    return Operation(**given)  # type: ignore[arg-type]


def test_a_plan_is_counts_a_table_and_the_rest() -> None:
    stage = launch("city", act=Act.STAGE, cause=Cause.INPUTS_ABSENT, blobs=(a_blob(),))
    plan = Plan(operations=(launch("city", eta_s=190.0, basis=Basis.LEARNED, gpus=("0", "1"), wants_gpus=2), stage))
    problem = Problem(Location("specs/b.yaml", 3, 1), Code.UNKNOWN_FIELD, 'unknown field "steps_"')

    assert markdown(plan, [problem], "5c2d89b1" + "0" * 32).splitlines() == [
        "<!-- cosmos plan -->",
        "### cosmos plan at `5c2d89b1`",
        "",
        "Plan: 1 to run; 0 unchanged.  ~6m20s of GPU time, 1.0 MB to upload.",
        "",
        "| Run | Why | Where | Host | Time |",
        "| --- | --- | --- | --- | --- |",
        "| `+ run city` | `never_ran` | `specs/city.yaml:8` | `lambda gpu0 gpu1` | `~3m10s learned` |",
        "",
        "- <code>&#94; stage 1 blob 1&#46;0 MB &#45;&#62; lambda</code>",
        "",
        "**1 problem in the specs**; the runs concerned keep what they have:",
        "",
        '- `specs/b.yaml:3:1: error[E012] unknown field "steps_"`',
    ]


def test_nothing_to_do_is_one_sentence() -> None:
    assert markdown(Plan(), [], "").splitlines()[-1] == "No changes. What exists matches the specs."


def test_a_long_plan_is_cut_with_a_count() -> None:
    runs = tuple(launch(f"run-{number}") for number in range(60))
    problems = [Problem(Location("specs/b.yaml", line), Code.SYNTAX, "not YAML") for line in range(1, 2001)]
    text = markdown(Plan(operations=runs), problems, "")

    assert "... and 10 more." in text
    assert "... and 1980 more." in text
    assert len(text) < 60_000


@pytest.mark.parametrize(
    "words",
    [
        "@everyone",
        "a | b",
        "``` @me",
        "`@me`",
        "\\` @me",
        "</code>@me",
        "<script>x</script>",
        "![x](https://evil.example/p.png)",
        "[x](javascript:y)",
        "#1 org/repo#2",
        "-->\n# Big",
        "a\r\n\r\n| b |",
        "\u202eabc\x1b[0m",
        "&lt;@me",
    ],
)
def test_what_a_spec_says_is_never_markup(words: str) -> None:
    problem = Problem(Location("specs/@me.yaml"), Code.WRONG_VALUE, words)
    plan = Plan(operations=(launch("city", detail=words, at=Location(words, 1), host=words, waits=words, ready=False),))
    text = markdown(plan, [problem], "")
    shown = MarkdownIt("commonmark").enable("table").render(text)

    assert set(re.findall(r"</?(\w+)", shown)) == TAGS
    assert shown.count("<td>") == 5
    assert "@" not in re.sub(r"<code>.*?</code>", "", shown, flags=re.DOTALL)


TAGS = {"h3", "p", "table", "thead", "tbody", "tr", "th", "td", "code", "strong", "ul", "li"}


@given(st.text(max_size=200))
def test_code_is_one_span_that_says_the_text(words: str) -> None:
    shown = code(words, limit=10_000)
    assert shown == "" or SPANS.fullmatch(shown)
    assert "\n" not in shown
    assert not {"|", "\\"} & set(shown)
    if words.isprintable():
        assert html.unescape(re.sub(r"^`|`$|</?code>", "", shown)) == " ".join(words.split())


def test_a_column_that_says_nothing_is_left_out() -> None:
    assert table(("A", "B"), [["x", ""]]) == ["", "| A |", "| --- |", "| x |"]
    assert table(("A",), []) == []
