"""Reviews: which output each is about, and what two of one output mean."""

import pytest

from cosmos.core.reviews import average
from tests.core.spec_files import loaded, run, said


def review(digest: str, *lines: str, of: str = "city/seed-1") -> str:
    return "\n".join(["---", "kind: Review", f"run: {of}", f'digest: "{digest}"', *lines, ""])


def test_a_review_is_about_one_output() -> None:
    reviews = loaded(review("aaaaaaaa", "rating: 5", "tags: [hero]"), review("bbbbbbbb", "rating: 1")).reviews
    found = reviews.of("city/seed-1", "a" * 64)
    assert found is not None
    assert (found.rating, found.tags, found.at.short) == (5, ("hero",), "a.yaml:2")
    assert reviews.of("city/seed-1", "c" * 64) is None
    assert reviews.of("city/seed-2", "a" * 64) is None
    assert [each.rating for each in reviews.all_of("city/seed-1")] == [5, 1]
    assert len(reviews) == 2


def test_two_reviews_of_one_output_are_told_of_each_other() -> None:
    """However much of the digest each has written down."""
    found = loaded(review("a" * 64), review("aaaaaaaa"), review("aaaaaaaa", of="city/seed-2"))
    words = 'review of "city/seed-1": {} has another review of this output (keep one of them)'
    assert said(found.problems) == [
        "a.yaml:4:9: error[E011] " + words.format("b.yaml:2"),
        "b.yaml:4:9: error[E011] " + words.format("a.yaml:2"),
    ]
    assert list(found.reviews.by_run) == ["city/seed-2"]
    assert found.reviews.is_open


@pytest.mark.parametrize(
    ("text", "is_open"),
    [
        (run("x", "steps_: 1"), False),
        (run("x", "steps_: 1") + review("aaaaaaaa"), True),
        ("kind: [\n---\nkind: Review\nrun: x", True),
        ("kind: [\n", False),
    ],
)
def test_a_broken_file_may_hide_reviews(text: str, is_open: bool) -> None:
    assert loaded(text).reviews.is_open is is_open


def test_a_mean_is_of_what_is_rated() -> None:
    assert average([5, None, 2]) == (3.5, 2)
    assert average([None]) == (None, 0)
