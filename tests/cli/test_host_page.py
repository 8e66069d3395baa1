"""Hosts and GPUs as tables at two widths, as JSON, and as the short section of a status."""

import json
import sys
import time
from dataclasses import replace

import pytest

from cosmos.cli import host_page, listing, status_page
from cosmos.cli.render import Screen
from cosmos.core.idle import Idle
from cosmos.core.observed import BatchState, Observed
from cosmos.core.occupancy import Occupancy, occupancies
from cosmos.core.placement import HostConfig
from cosmos.core.recorded import AttemptState
from cosmos.core.run import Placement
from cosmos.outcome import HostNote, StatusView, notes_from_text, notes_to_text
from cosmos.project.host_rows import notes
from cosmos.views import HostRow, host_row, queued
from tests.core.scene import Scene
from tests.makers import NOW, a_gpu, a_want, an_attempt, an_observed_batch, reachable, unreachable

GPUS = (
    replace(a_gpu(0, used=30_720), name="NVIDIA H100 80GB HBM3", utilisation=98, temperature=61, power=402.4),
    replace(a_gpu(1, used=3_120), name="NVIDIA H100 80GB HBM3", holders=("blender (pid 4711, 3,120 MiB)",)),
    replace(a_gpu(2), name="NVIDIA H100 80GB HBM3"),
)
CONFIG = HostConfig(name="lambda", slots=0, gpus=("0", "1"))
SCENE = Scene(
    wants=[a_want(key, placement=Placement(gpus=1)) for key in ("city-rain", "city-snow", "forest")],
    attempts=[
        an_attempt("city-rain", host="lambda", gpus=("GPU-0",)),
        an_attempt("city-snow", host="lambda", gpus=("GPU-0",), state=AttemptState.INTENDED),
    ],
    hosts={
        "lambda": reachable(
            an_observed_batch("city-rain"),
            an_observed_batch("city-snow", state=BatchState.RUNNING, started_at=None),
            gpus=GPUS,
            cores=26,
            driver="550.54.15",
        ),
        "attic": unreachable(since=NOW - 600),
    },
    configs=[CONFIG, HostConfig(name="attic", slots=0)],
)


def rows() -> list[HostRow]:
    occupied = occupancies(SCENE.observed, SCENE.recorded)
    plan = SCENE.plan()
    found = []
    for config in SCENE.configs:
        empty = HostRow(
            name=config.name, runtime="docker", address="192.0.2.7", slots=0, queued=queued(plan, config.name)
        )
        view = SCENE.hosts[config.name]
        found.append(host_row(config, empty, view, occupied.get(config.name, Occupancy())))
    return [replace(found[0], idle=Idle(count=12, median_s=0.042, worst_s=1.26)), found[1]]


def test_a_row_tells_what_a_look_found() -> None:
    found, away = rows()
    assert (found.slots, found.busy, found.queued, found.cores, found.driver) == (4, 1, 2, 26, "550.54.15")
    assert [(row.run, row.next, row.offered) for row in found.gpus] == [
        ("city-rain", "city-snow", True),
        ("", "", True),
        ("", "", False),
    ]
    assert (away.reachable, away.why, away.since, away.queued) == (False, "the connection timed out", NOW - 600, 0)


def test_a_host_that_was_not_looked_at_says_so() -> None:
    row = host_row(CONFIG, rows()[1], Observed().hosts.get("lambda"), Occupancy())
    assert (row.reachable, row.why) == (False, "no look")


class Hosts:
    def hosts(self) -> list[HostRow]:
        return rows()


def shown(width: int | None) -> list[str]:
    found = listing.hosts(Hosts(), [], [])  # type: ignore[arg-type]
    return listing.lines(found, Screen(sys.stdout, width=width))


@pytest.mark.parametrize("width", [80, 120])
def test_the_tables_fit_their_width_and_tell_what_matters(width: int) -> None:
    lines = shown(width)
    assert max(map(len, lines)) <= width
    text = "\n".join(lines)
    for words in (
        "Reachable",
        "Unreachable for ",
        "1 of 4",
        "city-rain, then city-snow",
        "98%",
        "550.54.15",
        "timed out",
    ):
        assert words in text, words


def test_without_a_terminal_nothing_is_cut() -> None:
    text = "\n".join(" ".join(line.split()) for line in shown(None))
    assert "lambda 0 NVIDIA H100 80GB HBM3 30.0/80.0 GiB 98% 61C 402W city-rain, then city-snow" in text
    assert "lambda 1 NVIDIA H100 80GB HBM3 3.0/80.0 GiB - - - used by blender (pid 4711, 3,120 MiB)" in text
    assert "lambda 2 NVIDIA H100 80GB HBM3 0.0/80.0 GiB - - - not used by cosmos" in text
    assert text.splitlines()[-3:] == [
        "lambda: driver 550.54.15",
        "lambda: GPUs idle between batches: median 0.04s, worst 1.3s, of 12 gaps",
        "attic: the connection timed out",
    ]


def test_a_host_without_gpus_has_one_table() -> None:
    found = host_page.cells(HostRow(name="local", runtime="process", address="local", slots=2, reachable=True))
    assert found[-1] == "Reachable"
    assert host_page.remarks([HostRow(name="local", runtime="process", address="local", slots=2)]) == []


def test_json_has_every_gpu() -> None:
    document = json.loads(json.dumps(listing.document(listing.hosts(Hosts(), [], []))))  # type: ignore[arg-type]
    first, away = document["hosts"]
    assert first["gpus"][0]["run"] == "city-rain"
    assert first["gpus"][1]["holders"] == ["blender (pid 4711, 3,120 MiB)"]
    assert first["idle"] == {"gaps": 12, "median_s": 0.042, "worst_s": 1.26}
    assert (away["reachable"], away["idle"], away["gpus"]) == (False, None, [])
    assert away["since"].endswith("Z")


def test_the_section_of_a_status_has_hosts_with_gpus_and_those_that_are_away() -> None:
    now = time.time()
    kept = notes_from_text(notes_to_text([*notes(rows()), HostNote(name="local", reachable=True)]))
    kept = (kept[0], replace(kept[1], since=now - 600), kept[2])
    view = StatusView(statuses=(), looked_at=now, hosts=kept)
    for width in (80, 120, None):
        lines = status_page.lines(view, Screen(sys.stdout, width=width))
        assert width is None or max(map(len, lines)) <= width
        text = "\n".join(" ".join(line.split()) for line in lines)
        assert "gpu0 city-rain, then city-snow, gpu1 bl" in text
        assert "Unreachable for 10m: the connection timed" in text
        assert "local" not in text
        assert "gpu2" not in text
    assert "0.04s, worst 1.26s" in text
    document = status_page.document(view)
    assert isinstance(document["hosts"], list)
    assert [host["name"] for host in document["hosts"]] == ["lambda", "attic", "local"]


@pytest.mark.parametrize("text", ["", "[]", "no json", '[{"name": "x"}]', '{"a": 1}', '[{"other": 1}]', "7"])
def test_notes_of_another_version_are_none(text: str) -> None:
    assert notes_from_text(text) == ()
