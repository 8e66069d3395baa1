"""Doctor: what is wrong is named with what mends it, and one fault hides no other."""

import json
import socket
from pathlib import Path

import pytest

from cosmos.api import CosmosAPI
from cosmos.cli.main import main
from cosmos.core.finding import Level
from tests.upkeep.shop import Shop


def findings(shop: Shop, *, hosts: bool = False) -> dict[tuple[str, str], tuple[Level, str, str]]:
    with shop.api() as api:
        found = api.doctor.examine(hosts=hosts)
    return {(group, one.about): (one.level, one.words, one.remedy) for group, all_ in found.items() for one in all_}


def test_what_is_well_is_said_and_is_no_error(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    shop.made("good")
    assert main(["-C", str(shop.root), "doctor", "-o", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["ready"] is True
    assert [group["name"] for group in found["groups"]] == ["this machine", "project", "host local"]
    about = {one["about"]: one["level"] for group in found["groups"] for one in group["findings"]}
    assert {about[name] for name in ("python", "ffmpeg", "opencv", "configuration", "specs", "results")} == {"ok"}
    assert about["repository"] == "warning"  # it is in none


def test_each_fault_is_named_with_what_mends_it(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    shop.made("good")
    shop.blob().unlink()
    shop.published("good").unlink()
    (shop.root / "specs" / "more.yaml").write_text("kind: Run\nname: x\nmodel: jion\n")
    found = findings(shop)
    level, words, remedy = found["project", "specs"]
    assert (level, remedy) == (Level.PROBLEM, "cosmos validate names every problem")
    assert words.startswith("specs/more.yaml:3:")
    level, words, remedy = found["project", "results"]
    assert level is Level.PROBLEM
    assert "the store has not all of them" in words
    assert remedy

    assert main(["-C", str(shop.root), "doctor", "--no-hosts"]) == 1
    out = capsys.readouterr().out
    assert "  FAIL  specs" in out
    assert "-> cosmos validate names every problem" in out
    assert "  this machine: ready\n" in out
    assert "host local" not in out


@pytest.mark.parametrize(
    ("toml", "says"),
    [(None, "is not a cosmos project"), ("[hosts.local]\nslotz = 2\n", "slotz"), ("[hosts", "cosmos.toml")],
)
def test_it_works_where_the_project_does_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], toml: str | None, says: str
) -> None:
    if toml is not None:
        (tmp_path / "cosmos.toml").write_text(toml)
    assert main(["-C", str(tmp_path), "doctor"]) == 1
    out = capsys.readouterr().out
    assert "ok    python" in out
    assert "FAIL  configuration" in out
    assert says in out


def test_a_host_that_is_away_is_told_apart_from_what_is_to_be_mended(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    shop = Shop(tmp_path / "shop", toml=f'[hosts.local]\n[hosts.far]\naddress = "127.0.0.1"\nport = {port}\n')
    shop.ask("good")
    found = findings(shop, hosts=True)
    assert found["host far", "connection"][0] is Level.UNREACHABLE
    assert ("host local", "bash") in found
    assert main(["-C", str(shop.root), "doctor"]) == 6


def test_the_state_of_somebody_else_is_a_finding(shop: Shop) -> None:
    (shop.root / ".cosmos").write_text("a file where the state belongs")
    with CosmosAPI(shop.root) as api:
        found = api.doctor.examine()
    (state,) = (one for one in found["project"] if one.about == "state")
    assert (state.level, bool(state.remedy)) == (Level.PROBLEM, True)
