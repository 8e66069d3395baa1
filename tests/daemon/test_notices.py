"""Sequences of passes, and what people are told of them."""

import itertools
import json
from collections.abc import Sequence
from dataclasses import replace

import pytest

from cosmos.core.problem import Code
from cosmos.daemon.notices import GATHER_S, SETTLE_S, Notices
from cosmos.daemon.wording import LONGEST, Notice, Tone
from cosmos.outcome import HostNote, Pass
from cosmos.settings import NoticeKind
from tests.daemon.passes import START, a_pass, away, problem, run

OOM = "GpuOutOfMemory"
BAD = "ProgramFailed"
HERE = HostNote(name="lambda", reachable=True)

Runs = dict[str, str]


def told(passes: Sequence[Pass]) -> list[list[str]]:
    """Titles after each pass, by one observer that stays and by one that is restarted before each pass."""
    stays = Notices(300.0)
    titles = [[notice.title for notice in stays.after(done)] for done in passes]
    remembered, restarted = "", []
    for done in passes:
        fresh = Notices(300.0, remembered)
        restarted.append([notice.title for notice in fresh.after(done)])
        remembered = fresh.remembered
    assert restarted == titles
    return titles


def of_runs(*steps: Runs) -> list[list[str]]:
    return told([a_pass(60.0 * number, runs) for number, runs in enumerate(steps)])


def last(notices: Notices, *passes: Pass) -> list[Notice]:
    return [notices.after(done) for done in passes][-1]


RUNS: list[tuple[str, list[Runs], list[list[str]]]] = [
    ("the first pass tells nothing", [{"a": OOM, "b": "ok", "s/1": "ok"}], [[]]),
    ("nor does the second of what was", [{"a": OOM, "b": "ok"}] * 2, [[], []]),
    ("a failure, once", [{"a": "run"}, {"a": OOM}, {"a": OOM}], [[], [f"run a failed: {OOM}"], []]),
    ("a run that is tried again by itself has not failed", [{"a": "run"}, {"a": "wait"}], [[], []]),
    (
        "another failure after a retry is another one",
        [{"a": "run"}, {"a": OOM}, {"a": "run"}, {"a": OOM}],
        [[], [f"run a failed: {OOM}"], [], [f"run a failed: {OOM}"]],
    ),
    (
        "another reason, or another digest, is another one",
        [{"a": OOM}, {"a": BAD}, {"a": f"{BAD}@b"}],
        [[], [f"run a failed: {BAD}"], [f"run a failed: {BAD}"]],
    ),
    (
        "a failed run that is suspended for a while is no news after it",
        [{"a": "run"}, {"a": OOM}, {"a": "suspended"}, {"a": OOM}],
        [[], [f"run a failed: {OOM}"], [], []],
    ),
    ("several at once are one", [{"a": "run", "b": "run"}, {"a": OOM, "b": BAD}], [[], ["2 runs failed"]]),
    ("a cancelled run is no news to who did it", [{"a": "run"}, {"a": "cancelled"}], [[], []]),
    (
        "runs that succeed within the window are one",
        [{"a": "run", "b": "run"}, {"a": "ok", "b": "run"}, {"a": "ok", "b": "ok"}, {"a": "ok", "b": "ok"}],
        [[], [], ["2 runs succeeded"], []],
    ),
    ("one alone is named", [{"a": "run"}, {"a": "ok"}, {"a": "ok"}], [[], [], ["run a succeeded"]]),
    ("a run that appears as done", [{}, {"a": "ok"}, {"a": "ok"}], [[], [], ["run a succeeded"]]),
    (
        "a sweep is told when all members have ended",
        [{"s/1": "run", "s/2": "run"}, {"s/1": "ok", "s/2": "run"}, {"s/1": "ok", "s/2": "ok"}],
        [[], [], ["sweep s is done: 2 succeeded"]],
    ),
    (
        "the first failure of a sweep at once, the others at its end",
        [
            {"s/1": "run", "s/2": "run", "s/3": "run"},
            {"s/1": OOM, "s/2": "run", "s/3": "run"},
            {"s/1": OOM, "s/2": BAD, "s/3": "run"},
            {"s/1": OOM, "s/2": BAD, "s/3": "ok"},
        ],
        [[], [f"run s/1 failed: {OOM}"], [], ["sweep s is done: 1 succeeded, 2 failed"]],
    ),
    (
        "two members that fail at once are one first failure",
        [{"s/1": "run", "s/2": "run", "s/3": "run"}, {"s/1": OOM, "s/2": OOM, "s/3": "run"}],
        [[], [f"run s/1 failed: {OOM}"]],
    ),
    (
        "the last failure of a sweep is told with its end only",
        [{"s/1": "ok", "s/2": "run"}, {"s/1": "ok", "s/2": OOM}],
        [[], ["sweep s is done: 1 succeeded, 1 failed"]],
    ),
    (
        "a sweep that was retried is done again",
        [{"s/1": "run"}, {"s/1": OOM}, {"s/1": "run"}, {"s/1": "ok"}, {"s/1": "ok"}],
        [[], ["sweep s is done: 1 failed"], [], ["sweep s is done: 1 succeeded"], []],
    ),
    (
        "each sweep is told of by itself",
        [{"s/1": "run", "t/1": "run"}, {"s/1": "ok", "t/1": "run"}, {"s/1": "ok", "t/1": "cancelled"}],
        [[], ["sweep s is done: 1 succeeded"], ["sweep t is done: 1 cancelled"]],
    ),
    (
        "members that nothing moves hold up no sweep",
        [{"s/1": "run", "s/2": "stuck", "s/3": "suspended"}, {"s/1": "ok", "s/2": "stuck", "s/3": "suspended"}],
        [[], ["sweep s is done: 1 succeeded, 1 suspended, 1 cannot start"]],
    ),
    (
        "a sweep with a member on a host that is away is not done",
        [{"s/1": "run", "s/2": "run"}, {"s/1": "ok", "s/2": "away"}, {"s/1": "ok", "s/2": "ok"}],
        [[], [], ["sweep s is done: 2 succeeded"]],
    ),
    (
        "a sweep that leaves the specs is not told of, nor when it comes back",
        [{"s/1": "run", "s/2": "run"}, {"s/1": "ok", "s/2": "run"}, {}, {"s/2": "run"}],
        [[], [], [], []],
    ),
    (
        "nor is it known any more that its first failure was told",
        [
            {"s/1": "run", "s/2": "run"},
            {"s/1": OOM, "s/2": "run"},
            {},
            {"s/2": "run", "s/3": "run"},
            {"s/2": BAD, "s/3": "run"},
        ],
        [[], [f"run s/1 failed: {OOM}"], [], [], [f"run s/2 failed: {BAD}"]],
    ),
    (
        "a failed run that comes back to the specs is told of again",
        [{"a": "run"}, {"a": OOM}, {}, {"a": OOM}],
        [[], [f"run a failed: {OOM}"], [], [f"run a failed: {OOM}"]],
    ),
    (
        "a member that leaves the specs may end its sweep",
        [{"s/1": "run", "s/2": "run"}, {"s/1": "ok", "s/2": "run"}, {"s/1": "ok"}],
        [[], [], ["sweep s is done: 1 succeeded"]],
    ),
    (
        "a suspended sweep of which nothing ended is not done",
        [{"s/1": "run", "s/2": "wait"}, {"s/1": "suspended", "s/2": "suspended"}],
        [[], []],
    ),
    (
        "with another digest it is another sweep",
        [{"s/1": "ok"}, {"s/1": "run@b"}, {"s/1": "ok@b"}],
        [[], [], ["sweep s is done: 1 succeeded"]],
    ),
]


@pytest.mark.parametrize(("steps", "expected"), [row[1:] for row in RUNS], ids=[row[0] for row in RUNS])
def test_runs_and_sweeps(steps: list[Runs], expected: list[list[str]]) -> None:
    assert of_runs(*steps) == expected


@pytest.mark.parametrize("order", [1, -1])
def test_a_run_that_cannot_be_looked_at_is_not_told_of_again(order: int) -> None:
    """Neither because its host is away, nor because its spec cannot be read."""
    broken = a_pass(120, {}, problems=(problem("specs/a.yaml", 1),))
    hidden = [a_pass(90, {"a": "away", "s/1": "away"}), broken]
    steps = [a_pass(0, {"a": "run", "s/1": "run"}), a_pass(60, {"a": OOM, "s/1": "ok"})]
    back = a_pass(180, {"a": OOM, "s/1": "ok"})
    titles = told([*steps, *hidden[::order], back])
    assert titles[1] == [f"run a failed: {OOM}", "sweep s is done: 1 succeeded"]
    assert not [title for title in itertools.chain(*titles[2:]) if "run " in title or "sweep" in title]


def test_a_sweep_that_cannot_be_read_for_a_while_goes_on_as_before() -> None:
    broken = a_pass(120, {}, problems=(problem("specs/a.yaml", 1),))
    run_on, one, two = {"s/3": "run"}, {"s/1": OOM, "s/2": "run"}, {"s/1": OOM, "s/2": BAD}
    first = a_pass(0, {"s/1": "run", "s/2": "run", **run_on})
    titles = told([first, a_pass(60, one | run_on), broken, a_pass(180, two | run_on)])
    assert titles[1] == [f"run s/1 failed: {OOM}"]
    assert titles[3] == ["the specs have no problems any more"]


def test_a_failure_says_why_where_and_what_to_do() -> None:
    (notice,) = last(Notices(300.0), a_pass(0, {"a": "run"}), a_pass(1, {"a": BAD}))
    assert notice.kind is NoticeKind.RUN_FAILED
    assert notice.about == "a"
    assert notice.tone is Tone.BAD
    assert notice.text.splitlines() == [
        "what the log says of ProgramFailed",
        "To do: read the log: cosmos logs a",
        "On lambda, attempt 1.",
    ]


def test_failures_are_named_up_to_five() -> None:
    runs = [f"s/{number}" for number in range(7)]
    (notice,) = last(Notices(300.0), a_pass(0, dict.fromkeys(runs, "run")), a_pass(1, dict.fromkeys(runs, OOM)))
    assert notice.tone is Tone.BAD
    assert notice.text.splitlines()[:5] == [f"{key}: {OOM}" for key in runs[:5]]
    assert notice.text.splitlines()[5] == "and 2 more"


def test_what_programs_say_is_cut_and_obeyed_by_nothing() -> None:
    nasty = replace(run("a", BAD), message="\x1b[2J bell\a\nnext line " + "x" * 1000)
    (notice,) = last(Notices(300.0), a_pass(0, {"a": "run"}), replace(a_pass(1), statuses=(nasty,)))
    first = notice.text.splitlines()[0]
    assert first.startswith("?[2J bell? next line xxx")
    assert len(first) == LONGEST


def test_successes_that_are_gathered_are_told_without_another_pass() -> None:
    notices = Notices(300.0)
    last(notices, a_pass(0, {"a": "run"}), a_pass(5, {"a": "ok"}))
    assert notices.next_due == START + 5 + GATHER_S
    assert notices.due(START + 5 + GATHER_S - 1) == []
    assert [notice.title for notice in notices.due(START + 5 + GATHER_S)] == ["run a succeeded"]
    assert notices.next_due is None


def test_successes_that_are_gathered_are_told_at_the_end() -> None:
    notices = Notices(300.0)
    last(notices, a_pass(0, {"a": "run"}), a_pass(5, {"a": "ok"}))
    assert [notice.title for notice in notices.rest()] == ["run a succeeded"]
    assert notices.rest() == []


# Hosts, source, specs ----------------------------------------------------------------------


def test_a_host_is_told_of_after_a_time_once_and_when_it_is_back() -> None:
    gone = (away("lambda", since=START + 10),)
    titles = told(
        [
            a_pass(0),
            a_pass(20, hosts=gone),
            a_pass(309, hosts=gone),
            a_pass(310, hosts=gone),
            a_pass(400, hosts=(away("lambda", since=START + 10, why="other words"),)),
            a_pass(730),
            a_pass(740),
        ]
    )
    down, up = ["host lambda cannot be reached"], ["host lambda answers again"]
    assert titles == [[], [], [], down, [], up, []]


def test_a_host_that_is_back_in_time_is_not_told_of() -> None:
    gone = (away("lambda", since=START + 10),)
    again = (away("lambda", since=START + 300),)
    assert told([a_pass(0), a_pass(20, hosts=gone), a_pass(200), a_pass(350, hosts=again), a_pass(360)]) == [[]] * 5


def test_a_host_that_was_away_at_first_is_no_news_nor_is_its_return() -> None:
    gone = (away("lambda", since=START - 1000),)
    titles = told([a_pass(0, hosts=gone), a_pass(1000, hosts=gone), a_pass(1010), a_pass(1020, hosts=gone)])
    assert titles[:3] == [[], [], []]


def test_a_host_that_is_configured_no_more_is_not_back() -> None:
    gone = (away("lambda", since=START + 1),)
    titles = told([a_pass(0), a_pass(400, hosts=gone), a_pass(500, hosts=())])
    assert titles == [[], ["host lambda cannot be reached"], []]


def test_a_host_is_told_of_without_another_pass() -> None:
    notices = Notices(300.0)
    last(notices, a_pass(0), a_pass(20, hosts=(away("lambda", since=START + 10, why="no route"),)))
    assert notices.next_due == START + 310
    (notice,) = notices.due(START + 310)
    assert notice.kind is NoticeKind.HOST_UNREACHABLE
    assert notice.text.splitlines()[0] == "For 5m00s: no route"
    assert "cosmos hosts check lambda" in notice.text
    assert notices.due(START + 999) == []


def test_a_source_that_is_held_back() -> None:
    titles = told(
        [
            a_pass(0),
            a_pass(10, held_back="cannot fetch: timeout"),
            a_pass(20),
            a_pass(30, held_back="the signature is not valid"),
            a_pass(30 + SETTLE_S, held_back="the signature is not valid, 2 minutes now"),
            a_pass(200, held_back="cannot fetch: timeout"),
            a_pass(300),
        ]
    )
    assert titles == [
        [], [], [], [], ["the newest commit is not applied"], [], ["the newest commit is applied again"]
    ]  # fmt: skip


def test_specs_with_problems_name_the_first_three_places() -> None:
    bad = tuple(problem("specs/a.yaml", line, f"is wrong {line}", code) for line, code in enumerate(_codes(4), 1))
    (notice,) = last(Notices(300.0), a_pass(0), a_pass(1, problems=bad))
    assert notice.title == "4 problems in the specs"
    assert notice.text.splitlines() == [
        *(f'specs/a.yaml:{line}: run "x": is wrong {line}' for line in (1, 2, 3)),
        "and 1 more",
        "See: cosmos validate",
    ]


def _codes(count: int) -> list[Code]:
    return list(Code)[:count]


def test_specs_are_told_of_again_only_with_a_new_problem() -> None:
    first, moved = problem("specs/a.yaml", 1), problem("specs/a.yaml", 9, "is wrong in other words")
    second = problem("specs/b.yaml", 1)
    titles = told(
        [
            a_pass(0),
            a_pass(1, problems=(first,)),
            a_pass(2, problems=(moved,)),
            a_pass(3, problems=(moved, second)),
            a_pass(4, problems=(second,)),
            a_pass(5, problems=(first, second)),
            a_pass(6),
        ]
    )
    one, two = ["1 problem in the specs"], ["2 problems in the specs"]
    assert titles == [[], one, [], two, [], two, ["the specs have no problems any more"]]


def test_files_that_are_being_written_are_given_time() -> None:
    bad = (problem("specs/a.yaml", 1),)
    titles = told(
        [
            a_pass(0, revision=""),
            a_pass(1, revision="", problems=bad),
            a_pass(2, revision=""),
            a_pass(3, revision="", problems=bad),
            a_pass(3 + SETTLE_S, revision="", problems=bad),
        ]
    )
    assert titles == [[], [], [], [], ["1 problem in the specs"]]


def test_a_prune_that_is_blocked_is_told_once_for_each_commit() -> None:
    notices = Notices(300.0)
    notices.after(a_pass(0))

    def ask(why: str, about: str) -> list[str]:
        return [notice.title for notice in notices.prune_blocked(why, about=about, at=START)]

    blocked = ["runs that are gone from the specs go on"]
    assert ask("30 of 40 runs would go", "c1") == blocked
    assert ask("31 of 40 runs would go", "c1") == []
    assert notices.after(a_pass(10)) == []
    assert ask("30 of 40 runs would go", "c2") == blocked
    assert ask("", "c2") == ["no removal from the specs is held back any more"]
    assert ask("", "c2") == []
    assert ask("30 of 40 runs would go", "c2") == blocked


# Memory ------------------------------------------------------------------------------------


def test_nothing_new_is_nothing_new_to_remember() -> None:
    notices = Notices(300.0)
    assert notices.remembered == ""
    notices.after(a_pass(0, {"a": OOM}))
    before = notices.remembered
    notices.after(a_pass(10, {"a": OOM}))
    assert notices.remembered == before
    notices.after(a_pass(20, {"a": "run"}))
    assert notices.remembered != before


@pytest.mark.parametrize("change", [{"format": 2}, {"ended": 7}, {"kept": [["no such kind", "a", 0, [], True]]}])
def test_a_memory_of_another_version_counts_as_none(change: dict[str, object]) -> None:
    notices = Notices(300.0)
    notices.after(a_pass(0, {"a": "run"}))
    kept = json.loads(notices.remembered)
    assert len(Notices(300.0, json.dumps(kept)).after(a_pass(1, {"a": OOM}))) == 1
    assert Notices(300.0, json.dumps({**kept, **change})).after(a_pass(1, {"a": OOM})) == []


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "7"])
def test_a_damaged_memory_counts_as_none(text: str) -> None:
    assert Notices(300.0, text).after(a_pass(1, {"a": OOM})) == []


def test_a_pass_of_ten_thousand_runs_costs_little() -> None:
    notices = Notices(300.0)
    runs = {f"s{number % 20}/{number}": "ok" for number in range(10_000)}
    first = a_pass(0, runs)
    notices.after(first)
    changed = replace(first, statuses=(replace(first.statuses[0], phase=run("x", "run").phase), *first.statuses[1:]))
    notices.after(changed)
    assert [notice.title for notice in notices.after(first)] == ["sweep s0 is done: 500 succeeded"]
    assert len(notices.remembered) < 1_000_000
