"""How the runs of two states of the specs differ, as values and as text."""

from cosmos.core import comparison_text
from cosmos.core.comparison import Comparison, Difference, How, compare
from cosmos.core.desired import Desired, DesiredRun
from cosmos.core.digest import fields_changed
from cosmos.core.plan_markdown import compared
from cosmos.core.problem import Code, Location, Problem
from cosmos.core.run import Placement
from tests.makers import a_digest, a_material, a_timing, a_want


def changed(key: str = "city", word: str = "new", **facets: object) -> DesiredRun:
    return a_want(key, digest=a_digest(word), material=a_material(**facets))


def found(before: Desired, now: Desired, *made: str) -> list[tuple[str, How, bool]]:
    differences, _ = compare(before, now, [a_digest(word) for word in made], [])
    return [(each.key, each.how, each.is_made) for each in differences]


def desired(*runs: DesiredRun, **fields: object) -> Desired:
    return Desired(runs=runs, **fields)  # type: ignore[arg-type]


def test_runs_come_change_and_go() -> None:
    before, now = desired(a_want("a"), a_want("b"), a_want("d")), desired(a_want("a"), changed("b", "b2"), a_want("c"))

    assert found(before, now) == [("b", How.CHANGED, False), ("c", How.NEW, False), ("d", How.REMOVED, False)]
    assert compare(before, now, [], [])[1] == 1
    assert found(before, now, "b2", "d") == [("b", How.CHANGED, True), ("c", How.NEW, False), ("d", How.REMOVED, False)]
    assert found(now, now) == []


def test_what_has_a_problem_is_not_taken_for_gone_or_new() -> None:
    assert found(desired(a_want("a")), desired(held=frozenset({"a"}))) == [("a", How.UNKNOWN, False)]
    assert found(desired(a_want("a/x")), desired(held=frozenset({"a"}))) == [("a/x", How.UNKNOWN, False)]
    assert found(desired(a_want("a")), desired(is_blind=True)) == [("a", How.UNKNOWN, False)]
    assert found(desired(held=frozenset({"a"})), desired(a_want("a"))) == [("a", How.UNKNOWN, False)]


def test_every_field_that_differs_is_named_with_its_values() -> None:
    old = a_material(params={"seed": 0, "gone": 1})
    new = a_material(
        params={"seed": 2, "come": [1, 2]}, prompt={"text": "Snow", "negative": ""}, source={"digest": "x"}
    )

    assert fields_changed(old, new) == (
        ("prompt.text", "Heavy rain", "Snow"),
        ("params.come", None, [1, 2]),
        ("params.gone", 1, None),
        ("params.seed", 0, 2),
        ("source", None, {"digest": "x"}),
    )
    assert fields_changed(old, old) == ()


def test_the_text_is_short_and_json_has_all() -> None:
    before = desired(a_want("a"), a_want("b"), a_want("d"), a_want("e"))
    inputs = {"color": "0" * 64}
    now = desired(
        changed("a", "a2", params={"seed": 7}, prompt={"text": "Snow " * 100, "negative": "x"}, inputs=inputs),
        changed("b", "b2", params={**dict.fromkeys("vwxyz", 1), "seed": 0}),
        a_want("c"),
        a_want("e"),
        held=frozenset({"d"}),
    )
    differences, unchanged = compare(before, now, [a_digest("b2")], [])
    comparison = Comparison(base="main", commit="5c2d89b1" * 5, differences=differences, unchanged=unchanged)

    why = "its spec, or one that it depends on, has a problem now"
    assert [" ".join(line.split()) for line in comparison_text.text(comparison).splitlines()] == [
        '-/+ run a prompt.negative "" -> "x", prompt.text, inputs.color, params.seed 0 -> 7 specs/test.yaml:1 to run',
        "-/+ run b params.v none -> 1, params.w none -> 1, params.x none -> 1, params.y none -> 1, and 1 more "
        "specs/test.yaml:1 is made already",
        "+ run c new specs/test.yaml:1 to run",
        f"? run d {why} specs/test.yaml:1",
        "= 1 unchanged",
        "Compared with main (5c2d89b1): 1 new, 2 changed, 1 that cannot be compared; 1 unchanged. "
        "2 to run, 1 made already.",
    ]
    document = comparison_text.as_json(comparison)
    assert isinstance(document["differences"], list)
    assert document["differences"][0]["fields"][1]["after"] == "Snow " * 100
    assert document["summary"] == {
        **{"new": 1, "changed": 2, "removed": 0, "unknown": 1},
        **{"unchanged": 1, "to_run": 2, "eta_s": 0},
    }


def test_what_it_will_cost_is_said_of_what_would_run() -> None:
    runs = [a_want("a", placement=Placement(gpus=2)), a_want("b")]
    differences, _ = compare(
        desired(), desired(*runs), [a_digest("b")], [a_timing(gpu="H100", run_s=60.0), a_timing(run_s=9.0)]
    )
    text = comparison_text.summary(Comparison(base="main", commit="", differences=differences))

    assert text.endswith("1 to run, 1 made already.  ~1m00s of run time, ~2m00s of GPU time.")


def test_members_that_differ_alike_share_a_line() -> None:
    differences = [Difference(key=f"city/seed-{n}", how=How.NEW, at=Location("a.yaml"), digest="x") for n in range(30)]
    assert [row[0] for row in comparison_text.rows(differences)] == ["+ 30 runs city/*"]


def test_nothing_that_differs_is_one_sentence() -> None:
    comparison = Comparison(base="5c2d", commit="5c2d89b1", unchanged=3)
    assert comparison_text.text(comparison) == "No run differs from 5c2d: 3 unchanged."


def test_a_comment_for_a_pull_request() -> None:
    differences, unchanged = compare(desired(a_want("a")), desired(changed("a", params={"seed": "a|b"})), [], [])
    problem = Problem(Location("specs/b.yaml", 3, 1), Code.UNKNOWN_FIELD, "unknown field @me")
    comparison = Comparison(
        base="@me", commit="5c2d89b1", differences=differences, unchanged=unchanged, problems=(problem,)
    )
    assert compared(comparison).splitlines() == [
        "<!-- cosmos plan -->",
        "### cosmos plan against `@me`",
        "",
        "Compared with `@me` (5c2d89b1): 1 changed; 0 unchanged. 1 to run.",
        "",
        "| Run | What differs | Where | Result |",
        "| --- | --- | --- | --- |",
        "| `-/+ run a` | <code>params&#46;seed 0 &#45;&#62; &#34;a&#124;b&#34;</code> "
        "| `specs/test.yaml:1` | `to run` |",
        "",
        "**1 problem in the specs**; the runs concerned keep what they have:",
        "",
        "- `specs/b.yaml:3:1: error[E012] unknown field @me`",
    ]
