"""What is found among runs, by tables."""

import pytest

from cosmos.core.desired import Desired, DesiredRun
from cosmos.core.digest import Digest
from cosmos.core.gallery import Query, choices, differing, find, items
from cosmos.core.plan import Phase, RunStatus, Sync
from cosmos.core.problem import Location
from cosmos.core.reviews import Review
from cosmos.core.run import Control, Model, Run

AT = Location("specs/a.yaml", 1, 1)
NOW = 1_000_000.0


def want(key: str, **changes: object) -> DesiredRun:
    fields: dict[str, object] = {
        "key": key,
        "id": f"rs_{key[-1]}",
        "name": key,
        "at": AT,
        "model": Model(name="preview", adapter="preview"),
        "adapter_version": 1,
        **changes,
    }
    said = fields.pop("review", None)
    return DesiredRun(run=Run(**fields), digest=Digest(key), material={}, review=said)  # type: ignore[arg-type]


def review(key: str, rating: int, **said: object) -> Review:
    return Review(run=key, digest=key, rating=rating, at=AT, **said)  # type: ignore[arg-type]


def status(key: str, phase: Phase, since: float) -> RunStatus:
    sync = Sync.SYNCED if phase is Phase.SUCCEEDED else Sync.OUT_OF_SYNC
    return RunStatus(key=key, run_id=f"rs_{key[-1]}", digest=Digest(key), sync=sync, phase=phase, at=AT, since=since)


EVERYTHING = items(
    Desired(
        runs=(
            want(
                "city/a",
                prompt="rain",
                text="Heavy RAIN on steel",
                labels={"scene": "city"},
                inputs={"color": "in/a.mp4"},
                review=review("city/a", 4, note="best Puddles", tags=("hero",)),
            ),
            want(
                "city/b",
                prompt="snow",
                text="first snow",
                labels={"scene": "port", "hero": "yes"},
                review=review("city/b", 2),
            ),
            want("tower", model=Model(name="other", adapter="command")),
        )
    ),
    [
        status("city/a", Phase.SUCCEEDED, NOW - 10),
        status("city/b", Phase.FAILED, NOW - 3 * 86400),
        status("gone/x", Phase.RUNNING, NOW - 5),
    ],
)


@pytest.mark.parametrize(
    ("query", "keys"),
    [
        (Query(), ["city/a", "city/b", "gone/x", "tower"]),
        (Query(text="rain steel"), ["city/a"]),
        (Query(text="rain snow"), []),
        (Query(text="rs_b"), ["city/b"]),
        (Query(state="Failed"), ["city/b"]),
        (Query(state="OutOfSync"), ["city/b", "gone/x", "tower"]),
        (Query(model="other"), ["tower"]),
        (Query(prompt="snow"), ["city/b"]),
        (Query(sweep="city"), ["city/a", "city/b"]),
        (Query(label="scene=port"), ["city/b"]),
        (Query(label="hero"), ["city/b"]),
        (Query(label="scene"), ["city/a", "city/b"]),
        (Query(input="in"), ["city/a"]),
        (Query(days=1), ["city/a", "gone/x"]),
        (Query(sort="date", descending=True), ["gone/x", "city/a", "city/b", "tower"]),
        (Query(rating="4+"), ["city/a"]),
        (Query(rating="5"), []),
        (Query(rating="3+"), ["city/a"]),
        (Query(rating="2-"), ["city/b"]),
        (Query(rating="rated"), ["city/a", "city/b"]),
        (Query(rating="unrated"), ["gone/x", "tower"]),
        (Query(tag="hero"), ["city/a"]),
        (Query(text="puddles hero"), ["city/a"]),
        (Query(sort="rating", descending=True, rating="rated"), ["city/a", "city/b"]),
        (Query(sort="state"), ["city/b", "tower", "gone/x", "city/a"]),
    ],
)
def test_a_query_finds(query: Query, keys: list[str]) -> None:
    assert [item.key for item in find(EVERYTHING, query, NOW).items] == keys


def test_pages_are_cut_and_know_their_neighbours() -> None:
    found = find(EVERYTHING, Query(page=2), NOW, size=2)
    assert ([item.key for item in found.items], found.total, found.pages) == (["gone/x", "tower"], 4, 2)
    assert (found.before, found.after) == ("city/b", "")
    assert find(EVERYTHING, Query(page=99), NOW, size=2) == found
    assert find(EVERYTHING, Query(page=1), NOW, size=2).after == "gone/x"


def test_states_are_counted_whatever_state_is_asked_for() -> None:
    assert find(EVERYTHING, Query(state="Failed", sweep="city"), NOW).states == {"Succeeded": 1, "Failed": 1}


def test_choices_are_what_there_is() -> None:
    found = choices(EVERYTHING)
    assert found.models == ("other", "preview")
    assert found.labels == ("hero=yes", "scene=city", "scene=port")
    assert found.sweeps == ("city", "gone", "tower")
    assert found.inputs == ("in",)
    assert found.tags == ("hero",)


def test_only_settings_that_differ_are_compared() -> None:
    one = want("a", params={"seed": 1, "steps": 9}, controls={"edge": Control(weight=0.5, preset="low")}).run
    two = want("b", params={"seed": 2, "steps": 9}).run
    assert differing([one, two]) == {"controls.edge": ("0.5 (low)", "-"), "params.seed": ("1", "2")}
    assert differing([one, one]) == {}
