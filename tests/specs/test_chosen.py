"""The desired set follows the reviews: what is rated well is made into something else, and only that."""

import pytest

from cosmos.errors import RefusedError
from tests.engine.workshop import Workshop

SHOP = """\
---
kind: Run
name: city
prompt: rain
model: echo
labels: {scene: city}
matrix: {params.word: [a, b, c]}
---
kind: Model
name: large
adapter: command
command: [sh, -c, 'cat "$1" > "$2"; printf " in 4k" >> "$2"', sh, "{inputs.video}", "{outputs.text}"]
inputs: {video: {}}
outputs: {text: out.txt}
---
kind: Run
name: city-4k
model: large
source: {runs: "city/*", where: "rating >= 4 and params.word != 'c'", output: text}
---
kind: Run
name: again
model: large
source: {runs: "city-4k/*", output: text}
---
kind: Run
name: last
prompt: rain
model: echo
params: {word: last}
needs: [city-4k]
"""


@pytest.fixture
def shop(workshop: Workshop) -> Workshop:
    workshop.specs(SHOP)
    return workshop


def rate(shop: Workshop, **ratings: int | None) -> None:
    with shop.api() as api:
        for word, rating in ratings.items():
            api.specs.save(api.specs.rate(f"city/word-{word}", rating))


def planned(shop: Workshop) -> list[str]:
    with shop.api() as api:
        return sorted(op.key for op in api.plan().plan.operations if op.act.value == "launch")


def test_what_is_rated_well_is_made_again_larger(shop: Workshop) -> None:
    with shop.api() as api:
        desired = api.validate()
        assert [want.run.key for want in desired.runs] == ["city/word-a", "city/word-b", "city/word-c", "last"]
        assert not desired.problems
        assert not desired.held
        assert desired.warnings[0].message == "source: where holds of none of 3 runs"
    assert shop.apply().exit_code == 0

    rate(shop, a=5, b=3, c=5)
    assert planned(shop) == ["again/city-4k_city_word-a", "city-4k/city_word-a"]
    assert shop.apply().exit_code == 0
    assert shop.output("city-4k/city_word-a") == "Heavy rain a in 4k"
    assert shop.output("again/city-4k_city_word-a") == "Heavy rain a in 4k in 4k"

    with shop.api() as api:
        assert [row.key for row in api.runs(["city*"], where="rating > 3 and labels.scene == 'city'")] == [
            "city/word-a",
            "city/word-c",
        ]
        for where in ("ratng > 3", "rating > 'x'"):
            with pytest.raises(RefusedError, match="the condition"):
                api.runs(where=where)

    rate(shop, b=4)
    assert planned(shop) == ["again/city-4k_city_word-b", "city-4k/city_word-b"]
    rate(shop, a=None, b=1)
    assert planned(shop) == []
    assert shop.output("city-4k/city_word-a") == "Heavy rain a in 4k"  # kept, as outputs of all that is gone are
    assert sorted(shop.launches) == ["a", "b", "c", "last"]


def test_a_rating_of_another_output_chooses_nothing(shop: Workshop) -> None:
    shop.apply()
    rate(shop, a=5)
    file = shop.root / "specs" / "all.yaml"
    text = file.read_text()
    file.write_text(text.replace("Heavy rain", "Fog"))
    with shop.api() as api:
        assert [want.run.key for want in api.validate().runs if want.run.name == "city-4k"] == []
    file.write_text(text)
    with shop.api() as api:
        assert [want.run.key for want in api.validate().runs if want.run.name == "city-4k"] == ["city-4k/city_word-a"]


PROBLEMS = [
    ("rating >= 4 and", "cannot be read"),
    ("params.word > 4", "source: where cannot be judged: values that cannot be compared"),
]


@pytest.mark.parametrize(("where", "words"), PROBLEMS)
def test_a_condition_that_cannot_be_judged_holds_its_runs_and_no_others(shop: Workshop, where: str, words: str) -> None:
    file = shop.root / "specs" / "all.yaml"
    file.write_text(file.read_text().replace("rating >= 4 and params.word != 'c'", where))
    with shop.api() as api:
        desired = api.validate()
    assert words in desired.problems[0].message
    assert str(desired.problems[0].at) == "specs/all.yaml:29:33"
    assert [want.run.key for want in desired.runs][:3] == ["city/word-a", "city/word-b", "city/word-c"]
    assert desired.holds("city-4k/city_word-a")
    assert desired.holds("again/city-4k_city_word-a")


def test_a_run_that_names_one_which_is_not_chosen_is_refused(shop: Workshop) -> None:
    (shop.root / "specs" / "more.yaml").write_text(
        "kind: Run\nname: x\nmodel: large\nsource: {run: city-4k/city_word-a, output: text}\n"
    )
    with shop.api() as api:
        desired = api.validate()
    assert [problem.message for problem in desired.problems] == [
        'there is no run "city-4k/city_word-a" now: where of "city-4k" does not hold of what it reads'
    ]
    assert desired.holds("x")


def test_an_output_that_the_source_does_not_have_is_named(shop: Workshop) -> None:
    file = shop.root / "specs" / "all.yaml"
    file.write_text(
        file.read_text().replace("where: \"rating >= 4 and params.word != 'c'\", output: text", "output: txt")
    )
    with shop.api() as api:
        assert 'has no output "txt"' in api.validate().problems[0].message
