"""Ratings, as they are typed and as they are kept."""

import pytest

from cosmos.errors import NotFoundError, RefusedError
from tests.cli.console import Console
from tests.engine.workshop import Workshop, runs
from tests.repositories import git, make_repository


def reviews(shop: Workshop) -> dict[str, str]:
    folder = shop.root / "specs" / "reviews"
    return {path.relative_to(folder).as_posix(): path.read_text() for path in sorted(folder.rglob("*.yaml"))}


@pytest.mark.needs("git")
def test_a_rating_is_a_file_in_git_and_runs_nothing(console: Console) -> None:
    console.specs(runs("one"))
    make_repository(console.root)
    console.apply()
    with console.api() as api:
        digest = api.runs()[0].digest
    shown = digest[:8] if digest[0].isalpha() else f'"{digest[:8]}"'
    text = f"kind: Review\nrun: one\ndigest: {shown}\nrating: 5\nnote: best puddles\ntags: [hero]\n"

    done = console.cosmos("rate", "one", "5", "--note", "best puddles", "--tag", "hero", "--commit")
    assert (done.returncode, reviews(console)) == (0, {"one.yaml": text}), done.stderr
    assert "+rating: 5\n" in done.stdout
    assert "Rate one 5: committed as" in done.stderr
    assert git(console.root, "log", "-1", "--format=%s") == "Rate one 5"

    with console.api() as api:
        api.specs.save(api.specs.rate("one", 2))
        assert reviews(console) == {"one.yaml": text.replace("5\nnote", "2\nnote")}
        api.specs.save(api.specs.review("one", {"note": ""}))
        api.specs.save(api.specs.rate("one", None))
        assert reviews(console) == {"one.yaml": text.replace("rating: 5\nnote: best puddles\n", "")}
        assert api.specs.rate("one", None).diff == ()
        api.specs.save(api.specs.review("one", {"tags": []}))
        assert reviews(console) == {}
        with pytest.raises(RefusedError, match="has no review"):
            api.specs.rate("one", None)
        assert api.plan().plan.operations == ()


def test_only_an_output_that_is_there_can_be_rated_also_an_earlier_one(workshop: Workshop) -> None:
    workshop.specs(runs("one"))
    with workshop.api() as api, pytest.raises(RefusedError, match="has no output yet"):
        api.specs.rate("one", 3)
    workshop.apply()
    with workshop.api() as api:
        old = api.runs()[0].digest
    workshop.specs(runs("one").replace("word: one", "word: two"))
    with workshop.api() as api:
        with pytest.raises(RefusedError, match="has no output yet"):
            api.specs.rate("one", 3)
        with pytest.raises(NotFoundError, match="has no output"):
            api.specs.rate("one", 3, digest="00000000")
        api.specs.save(api.specs.rate("one", 3, digest=old[:10]))
        assert (api.runs()[0].rating, [review.rating for review in api.show("run/one").reviews]) == (None, [3])  # type: ignore[union-attr]
    workshop.apply()
    with workshop.api() as api:
        api.specs.save(api.specs.rate("one", 4))
        assert api.runs()[0].rating == 4
        assert reviews(workshop)["one.yaml"].count("kind: Review") == 2


def test_a_spec_is_deleted_as_it_was_shown(console: Console) -> None:
    console.specs(runs("one", "two"))
    console.apply()
    before = (console.root / "specs" / "all.yaml").read_text()

    shown = console.cosmos("delete", "two")
    assert shown.returncode == 1
    assert "  two  Succeeded\n" in shown.stderr
    assert "nothing was changed" in shown.stderr
    assert (console.root / "specs" / "all.yaml").read_text() == before
    with console.api() as api:
        edit = api.specs.remove("two")
        assert shown.stdout == "".join(f"{line}\n" for line in edit.diff)
        api.specs.save(edit)
        assert [row.key for row in api.runs()] == ["one"]
    assert console.output("two") == "Heavy rain two"
