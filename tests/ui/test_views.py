"""What the pages show and do, asked of their functions: one project with results, failures and ratings."""

import time
from collections.abc import Iterator

import pytest

from cosmos.core.finding import Finding, Level
from cosmos.core.idle import Busy
from cosmos.errors import NotFoundError, RefusedError, StaleError
from cosmos.meters import GpuMeter, HostMeter, Meters, from_text, to_text
from cosmos.outcome import HostNote
from cosmos.ui.desk import Desk
from cosmos.ui.host_rows import check_rows, host_rows
from cosmos.ui.pages import activity, compare, overview, queue, runs
from cosmos.views import EventRow
from tests.engine.workshop import Workshop
from tests.repositories import git, make_repository

pytestmark = [pytest.mark.needs("git")]

BAD = "---\nkind: Run\nname: bad\nprompt: rain\nmodel: echo\nparams: {word: bad}\n"
SWEEP = "---\nkind: Run\nname: city\nprompt: rain\nmodel: echo\nmatrix: {params.word: [a, b]}\n"
PROGRAM = '[ "$2" != bad ] || exit 1; printf "%s %s" "$1" "$2" > "$3"'


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    workshop = Workshop(tmp_path_factory.mktemp("views"))
    workshop.specs(SWEEP + BAD, program=PROGRAM)
    (workshop.root / ".gitignore").write_text(".cosmos/\noutputs/\nlaunches\n")
    make_repository(workshop.root)
    assert workshop.apply().exit_code == 3
    return workshop


@pytest.fixture
def desk(workshop: Workshop) -> Iterator[Desk]:
    with workshop.api() as api:
        yield Desk(api)


def close(desk: Desk, key: str) -> dict[str, object]:
    found = runs.answer(desk, {"run": key})["close"]
    assert isinstance(found, dict)
    return found


def test_the_overview_has_what_a_look_measured(desk: Desk) -> None:
    found = overview.answer(desk, {})
    assert found["measured"] is not None
    assert found["hosts"][0]["disk"]["total"] > 0
    assert found["failed"][0]["remedy"]


def test_an_output_is_rated_and_annotated_and_what_others_wrote_is_not_lost(desk: Desk, workshop: Workshop) -> None:
    digest = close(desk, "city/word-a")["digest"]
    asked = {"run": "city/word-a", "digest": digest, "fields": {"rating": 4}, "commit": True}
    done = desk.acts.rate(asked)
    assert done["subject"] == "Rate city/word-a 4"
    assert git(workshop.root, "log", "-1", "--format=%H %s").split(" ", 1)[0] == done["commit"]
    said = {"note": "best puddles", "tags": ["hero"]}
    was = {"note": "", "tags": []}
    assert desk.acts.rate({**asked, "fields": said, "was": was, "commit": False})["commit"] == ""
    assert close(desk, "city/word-a")["review"] == {
        "rating": 4, "note": "best puddles", "tags": ["hero"], "at": "specs/reviews/city/word-a.yaml:1:1",
    }  # fmt: skip
    with pytest.raises(StaleError, match="somebody else has written about city/word-a"):
        desk.acts.rate({**asked, "fields": {"note": "mine"}, "was": was, "commit": False})
    with pytest.raises(RefusedError, match="bad has no output yet"):
        desk.acts.rate({"run": "bad", "fields": {"rating": 1}})
    desk.acts.rate({"run": "city/word-b", "fields": {"rating": 2}})
    for query, keys in (
        ({"rating": "4+"}, ["city/word-a"]),
        ({"tag": "hero"}, ["city/word-a"]),
        ({"rating": "unrated"}, ["bad"]),
        ({"rating": "7"}, ["bad", "city/word-a", "city/word-b"]),
        ({"sort": "-rating", "rating": "rated"}, ["city/word-a", "city/word-b"]),
    ):
        assert [card["key"] for card in runs.answer(desk, query)["cards"]] == keys, query

    wins = compare.answer(desk, {"compare": "city/word-a"})["wins"]
    assert (wins["of"], wins["runs"], wins["rated"]) == (["city"], 2, 2)
    assert [(value["value"], value["mean"]) for value in wins["settings"][0]["values"]] == [("a", 4.0), ("b", 2.0)]
    assert compare.answer(desk, {"wins": "*"})["wins"]["runs"] == 3
    desk.acts.rate({"run": "city/word-b", "fields": {"rating": None}})
    assert close(desk, "city/word-b")["rating"] is None


def test_an_act_is_done_only_as_it_was_shown(desk: Desk, workshop: Workshop) -> None:
    asked = {"act": "retry", "keys": ["bad"]}
    shown = desk.acts.foresee(asked)
    assert [(row["before"], row["after"]) for row in shown["changes"]] == [("Failed", "Pending")]
    assert [row["act"] for row in shown["begun"]] == ["run"]
    file = workshop.root / "specs" / "all.yaml"
    before = file.read_text()
    file.write_text(before.replace("word: bad", "word: worse"))
    with pytest.raises(RefusedError, match="none of these runs has failed"):  # it is another run by now
        desk.acts.do({**asked, "digest": shown["digest"]})
    file.write_text(before + "---\nkind: Prompt\nname: other\ntext: other\n")
    with pytest.raises(StaleError, match="something else now"):
        desk.acts.do({**asked, "digest": shown["digest"]})
    file.write_text(before)
    assert desk.acts.do({**asked, "digest": desk.acts.foresee(asked)["digest"]})["said"].startswith("bad may be tried")

    pause = {"act": "suspend", "project": True, "why": "dinner"}
    assert "project" in desk.acts.do({**pause, "digest": desk.acts.foresee(pause)["digest"]})["said"]
    assert "dinner" in queue.answer(desk, {})["paused"]
    go_on = {"act": "resume", "project": True}
    desk.acts.do({**go_on, "digest": desk.acts.foresee(go_on)["digest"]})
    assert queue.answer(desk, {})["paused"] == ""
    for wrong in ({"act": "explode"}, {"act": "cancel", "keys": "all"}, {"act": "cancel"}):
        with pytest.raises((NotFoundError, RefusedError)):
            desk.acts.foresee(wrong)


def test_a_finished_run_is_made_again_as_the_plan_that_was_shown_says(desk: Desk, workshop: Workshop) -> None:
    asked = {"act": "rerun", "keys": ["city/word-b"]}
    shown = desk.acts.foresee(asked)
    assert (shown["is_nothing"], [row["cause"] for row in shown["begun"]]) == (False, ["forced"])
    with pytest.raises(StaleError):
        desk.acts.do({**asked, "digest": "0"})
    launches = len(workshop.launches)
    desk.acts.do({**asked, "digest": shown["digest"]})
    end = time.monotonic() + 60
    while desk.applying.going is None or not desk.applying.going.is_over:
        assert time.monotonic() < end
        time.sleep(0.02)
    assert desk.applying.going.error == ""
    assert workshop.launches[launches:] == ["b"]


def test_a_result_is_upscaled_and_a_priority_is_set_by_an_edit_of_the_spec(desk: Desk) -> None:
    with pytest.raises(RefusedError, match="is no whole number"):
        desk.drafts.draft({"make": "priority", "run": "bad", "priority": "high"})
    shown = desk.drafts.draft({"make": "priority", "run": "city/word-a", "priority": "70"})
    assert [line for line in shown["diff"][2:] if line[0] in "+-"] == ["+priority: 70"]
    found = desk.acts.upscalers({"run": "city/word-a"})
    assert [one["name"] for one in found["models"]] == ["cosmos-transfer1-upscale"]
    assert (found["models"][0]["weight"], found["name"], found["already"]) == ("0.5", "city-word-a-4k", [])
    model = found["models"][0]["name"]
    asked = {"make": "upscale", "run": "city/word-a", "name": found["name"], "model": model, "weight": "0.6"}
    made = desk.drafts.draft(asked)
    assert made["path"] == "specs/runs/city-word-a-4k.yaml"
    assert "+params: {weight: 0.6}" in made["diff"]
    assert any('has no output "video"' in row["words"] for row in made["problems"])  # echo writes texts


def test_what_happened_is_found_and_told_by_commit(desk: Desk, workshop: Workshop) -> None:
    found = activity.answer(desk, {"kind": "Warning"})
    assert [(row["about"], row["kind"]) for row in found["events"]] == [("bad", "Warning")]
    assert found["runs"] == ["bad"]
    assert activity.answer(desk, {"q": "word-a succeeded"})["total"] == 1
    commits = activity.answer(desk, {"view": "commits"})["commits"]
    first = commits[-1]
    assert first["sha"] == git(workshop.root, "rev-list", "--max-parents=0", "HEAD").strip()
    assert (first["states"]["failed"], set(first["keys"])) == (1, {"bad", "city/word-a", "city/word-b"})
    assert first["subject"]


def test_events_come_in_pages() -> None:
    events = [
        EventRow(subject=f"r{n}", kind="Normal", reason="Started", message="", count=1, last_at=n) for n in range(250)
    ]
    found = activity.events_page(events, "", "", "3")
    assert (found["total"], found["pages"], found["page"], len(found["events"])) == (250, 3, 3, 50)
    assert found["events"][-1]["about"] == "r0"
    assert activity.events_page(events, "", "", "x")["page"] == 1
    assert activity.events_page(events, "r249", "", "9")["total"] == 1
    assert activity.events_page(events, "", "Failed", "")["events"] == []


def test_hosts_are_checked_when_asked_and_the_answer_stays(desk: Desk) -> None:
    assert activity.answer(desk, {"view": "hosts"})["checked"] is None
    assert [host["name"] for host in activity.check(desk, {})["found"]] == ["local"]
    assert activity.answer(desk, {"view": "hosts"})["checked"] is not None
    lacking = [Finding(level=Level.PROBLEM, about="disk", words="full", remedy="cosmos gc")]
    rows = check_rows({"a": [Finding(level=Level.OK, about="disk", words="fine")], "b": lacking})
    assert [(row["name"], row["problems"]) for row in rows] == [("b", 1), ("a", 0)]


def test_meters_tell_unknown_from_nothing() -> None:
    known = GpuMeter(id="G0", name="gpu0", model="H200", memory_used_mib=0, memory_total_mib=4096, utilisation=0,
                     temperature=40, power=90.5)  # fmt: skip
    silent = GpuMeter(id="G1", name="gpu1", model="H200", memory_used_mib=None, memory_total_mib=0, utilisation=None,
                      temperature=None, power=None)  # fmt: skip
    measured = HostMeter(host="a", disk_free=1, disk_total=2, gpus=(known, silent))
    before = HostMeter(host="b", disk_free=1, disk_total=2, gpus=(known,))  # and away since
    meters = Meters(at=5.0, hosts=(measured, before))
    assert from_text(to_text(meters)) == meters
    assert from_text('{"at": 1, "hosts": [{"of": "another version"}]}') == from_text("") == Meters(at=0.0)
    hosts = [
        HostNote(name="a", reachable=True, gpus={"gpu0": "free", "gpu1": "free", "gpu2": "new"}),
        HostNote(name="b", reachable=False, gpus={"gpu0": "free"}),
    ]
    one, two = host_rows(hosts, meters, {"a": Busy(share=0.934, over_s=60)})
    assert [(gpu["use"], gpu["memory"], gpu["power"]) for gpu in one["gpus"]] == [
        (0, 0, 90.5), (None, None, None), (None, None, None),
    ]  # fmt: skip
    assert (one["busy"], one["disk"]) == ({"percent": 93, "over": 60}, {"free": 1, "total": 2})
    assert (two["busy"], two["disk"], two["gpus"][0]["use"]) == (None, None, None)
