"""verify, gc, backup, events and history as a person types them."""

import json
import re
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.cli.console import Terminal
from tests.projects import shell_environment
from tests.services.sshd import free_port
from tests.upkeep.shop import Shop, detach, rot


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path / "shop")


GONE = '[hosts.local]\n[hosts.gone]\naddress = "127.0.0.1"\nport = {port}\nhost_key = "SHA256:' + "A" * 43 + '"\n'


def configure(shop: Shop, toml: str) -> None:
    (shop.root / "cosmos.toml").write_text(f'[project]\nname = "workshop"\n{toml}')


# verify --------------------------------------------------------------------------------------------


def test_verify_says_that_nothing_is_wrong(shop: Shop) -> None:
    done = shop.made("a").cosmos("verify")
    assert (done.returncode, done.stdout, done.stderr) == (
        0,
        "Verified 1 result, 3 blobs, 1 host: nothing is wrong.\n",
        "",
    )


def test_verify_names_what_is_wrong_and_mends_it_on_request(shop: Shop) -> None:
    shop.made("a")
    detach(shop.published("a"))
    rot(shop.blob())
    assert shop.cosmos("verify").returncode == 0

    found = shop.cosmos("verify", "--read-data")
    assert found.returncode == 1
    assert re.search(r"^FAIL +BlobDamaged  [0-9a-f]{12} \(out.txt of a\): has other bytes", found.stdout, re.MULTILINE)
    assert "-> with --fix: moves it aside, and brings it back from a copy in outputs/" in found.stdout
    assert "1 problem." in found.stdout

    mended = shop.cosmos("verify", "--read-data", "--fix")
    assert mended.returncode == 0
    assert re.search(r"^mended +BlobDamaged .*\n +-> brought back from outputs/a/", mended.stdout, re.MULTILINE)
    assert "1 mended, nothing is left." in mended.stdout
    assert shop.cosmos("verify", "--read-data").returncode == 0


def test_verify_gives_json(shop: Shop) -> None:
    shop.made("a").published("a").unlink()
    done = shop.cosmos("verify", "-o", "json")
    answer = json.loads(done.stdout)
    (finding,) = answer["findings"]
    assert (done.returncode, answer["clean"], answer["mended"], answer["hosts"]) == (1, False, [], ["local"])
    assert (finding["kind"], finding["level"], finding["fixable"]) == ("OutputMissing", "problem", True)
    (mended,) = json.loads(shop.cosmos("verify", "--fix", "-o", "json").stdout)["mended"]
    assert mended["how"] == "restored from the store"


def test_a_host_that_is_away_is_6_and_more_than_that_is_1(shop: Shop) -> None:
    shop.made("a")
    configure(shop, GONE.format(port=free_port()))
    away = shop.cosmos("verify")
    assert away.returncode == 6
    assert re.search(r"^FAIL +HostUnreachable  gone: nothing listens on", away.stdout, re.MULTILINE)
    assert shop.cosmos("verify", "--host", "local").returncode == 0
    shop.published("a").unlink()
    assert shop.cosmos("verify").returncode == 1


def test_a_database_that_is_damaged_is_an_error_with_the_next_step(shop: Shop) -> None:
    shop.made("a")
    (shop.state / "state.db").write_bytes(b"SQLite format 3\0" + b"\xff" * 5000)
    done = shop.cosmos("verify")
    assert done.returncode == 1
    assert "error:" in done.stderr
    assert "backup" in done.stderr


# gc ------------------------------------------------------------------------------------------------


def test_gc_lists_what_would_go_and_removes_it_with_yes(shop: Shop) -> None:
    shop.made("a", "bad")
    (batch,) = shop.batches()
    listed = shop.cosmos("gc", "--hosts", grace=False)
    assert listed.stdout == "Nothing to remove.\n"  # not yet a day old

    words = ("gc", "--hosts", "--older-than", "0")
    listed = shop.cosmos(*words, grace=False)
    assert listed.returncode == 0
    assert re.search(rf"^local  run directory  {batch}  [\d.]+ k?B .* its attempt failed$", listed.stdout, re.MULTILINE)
    assert "1 run directory" in listed.stdout
    assert listed.stdout.rstrip().endswith("Nothing was removed; the same with --yes removes it.")
    assert shop.batches() == [batch]

    done = shop.cosmos(*words, "--yes", grace=False)
    assert done.returncode == 0
    assert "freed in all" in done.stdout
    assert shop.batches() == []


def test_gc_leaves_what_is_young_alone_whatever_is_said(shop: Shop) -> None:
    shop.made("bad")
    done = shop.cosmos("gc", "--store", "--hosts", "--older-than", "0", "--yes")
    assert (done.returncode, done.stdout) == (0, "Nothing was removed.\n")
    assert len(shop.batches()) == 1


def test_gc_gives_json(shop: Shop) -> None:
    shop.made("bad")
    answer = json.loads(shop.cosmos("gc", "--hosts", "--older-than", "0", "-o", "json", grace=False).stdout)
    (thing,) = answer["garbage"]
    assert (answer["done"], thing["place"], thing["kind"]) == (False, "local", "run directory")
    assert answer["bytes"] == thing["bytes"] > 0


def test_gc_skips_and_names_a_host_that_is_away(shop: Shop) -> None:
    shop.made("a")
    configure(shop, GONE.format(port=free_port()))
    done = shop.cosmos("gc", "--hosts", "--yes")
    assert done.returncode == 6
    assert re.search(r"^away: gone: nothing listens on", done.stdout, re.MULTILINE)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("gc",), 64, "nothing says where"),
        (("gc", "--yes"), 64, "nothing says where"),
        (("gc", "--store", "--finished"), 64, "--finished is about hosts"),
        (("gc", "--store", "--older-than", "soon"), 64, "is not a duration"),
        (("gc", "--host", "absent"), 1, "the hosts of cosmos.toml are: local"),
        (("verify", "--host", "absent"), 1, "the hosts of cosmos.toml are: local"),
        (("events", "--since", "5x"), 64, "is not a duration"),
        (("events", "--kind", "Bad"), 64, "Warning"),
        (("events", "--for", "absent"), 1, 'nothing is called "absent"'),
        (("history", "absent"), 1, 'nothing is called "absent"'),
        (("history",), 64, "NAME"),
        (("backup",), 64, "FILE"),
        (("backup", "absent/state.db"), 1, "there is no folder absent"),
    ],
)
def test_mistakes_are_named_with_the_next_step(shop: Shop, words: tuple[str, ...], code: int, said: str) -> None:
    done = shop.cosmos(*words)
    assert done.returncode == code
    assert said in done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr


def test_an_empty_project_has_nothing_to_show_and_nothing_to_clear(shop: Shop) -> None:
    assert shop.cosmos("verify").stdout == "Verified 0 results, 0 blobs, 1 host: nothing is wrong.\n"
    assert shop.cosmos("gc", "--store", "--hosts").stdout == "Nothing to remove.\n"
    assert shop.cosmos("events").stdout == "no events in the last 1d\n"


# backup --------------------------------------------------------------------------------------------


def test_a_backup_can_take_the_place_of_a_lost_database(shop: Shop) -> None:
    shop.made("a")
    done = shop.cosmos("backup", "backup.db")
    assert (done.returncode, done.stdout) == (0, "")
    assert "checked" in done.stderr
    again = shop.cosmos("backup", "backup.db")
    assert again.returncode == 1
    assert "is there already" in again.stderr

    for path in shop.state.glob("state.db*"):
        path.unlink()
    (shop.root / "backup.db").rename(shop.state / "state.db")
    assert shop.plan_text().startswith("No changes")
    with closing(sqlite3.connect(shop.state / "state.db")) as raw:
        assert raw.execute("SELECT count(*) FROM ledger").fetchone() == (1,)


# events, history -------------------------------------------------------------------------------------


def test_events_are_a_table_and_json(shop: Shop) -> None:
    shop.made("a", "bad")
    done = shop.cosmos("events", "--for", "bad", "--kind", "Warning", "--since", "2h")
    assert done.stdout.splitlines()[0].split() == ["LAST", "TIMES", "KIND", "REASON", "RUN", "MESSAGE"]
    assert re.search(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d +Warning  ProgramFailed  bad ", done.stdout, re.MULTILINE)
    events = json.loads(shop.cosmos("events", "-o", "json").stdout)["events"]
    assert {event["run"] for event in events} == {"a", "bad"}
    assert all(re.fullmatch(r"\d{4}-.*Z", event["last_at"]) for event in events)


def test_a_watch_goes_on_until_it_is_interrupted(shop: Shop) -> None:
    shop.made("a")
    words = [sys.executable, "-m", "cosmos", "events", "-w", "-o", "json", "--for", "a"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(words, cwd=shop.root, env=shell_environment(), text=True, **pipes) as process:  # type: ignore[call-overload]
        assert process.stdout is not None
        assert process.stderr is not None
        assert json.loads(process.stdout.readline())["run"] == "a"
        shop.apply("a", rerun=True)
        while json.loads(process.stdout.readline())["reason"] != "RerunRequested":
            pass
        process.send_signal(signal.SIGINT)
        said = process.stderr.read()
        assert (process.wait(60), said) == (130, "")


def test_a_history_is_a_table_and_json(shop: Shop) -> None:
    shop.made("bad")
    shop.cosmos("cancel", "bad", "--why", "wrong camera")
    done = shop.cosmos("history", "bad")
    first, version, _, heads, *_ = done.stdout.splitlines()
    assert first.split() == ["ID", "DATE", "COMMIT", "AUTHOR", "DIGEST", "RESULT", "DURATION"]
    assert re.match(r"1   \d{4}-\S+ \S+  -  +-  +[0-9a-f]{8}  ProgramFailed, now  \d+s$", version)
    assert heads.split() == ["WHEN", "WHAT", "DIGEST", "HOST", "TOOK", "WHO", "MESSAGE"]
    assert re.search(r" attempt 1 failed +[0-9a-f]{8} +local +\S+ +\S+ +ProgramFailed: ", done.stdout)
    assert re.search(r" cancel requested .* wrong camera$", done.stdout, re.MULTILINE)
    rows = json.loads(shop.cosmos("history", "bad", "-o", "json").stdout)["history"]
    assert {row["what"] for row in rows} == {"attempt 1 failed", "cancel requested", "event"}


def test_a_history_has_the_newest_versions_of_each_run(shop: Shop) -> None:
    for source in ("one", "two", "three"):
        (shop.root / "inputs" / source).write_text(source)
        shop.ask("a", "b", source=source)
        shop.apply()
    found = json.loads(shop.cosmos("history", "*", "-n", "2", "-o", "json").stdout)["versions"]
    assert [(row["run"], row["id"], row["is_now"]) for row in found] == [
        ("a", 2, False),
        ("a", 3, True),
        ("b", 2, False),
        ("b", 3, True),
    ]
    assert {(row["result"], row["revision"], len(row["digest"])) for row in found} == {("made", None, 64)}


def test_on_a_terminal_tables_fit_and_progress_is_told(shop: Shop) -> None:
    shop.made("bad")
    with Terminal(shop.root, ("events",), 60, {"NO_COLOR": "1"}) as terminal:
        text, code = terminal.read_to_end()
    assert code == 0
    assert max(len(line.rstrip("\r")) for line in text.split("\n")) <= 60
    with Terminal(shop.root, ("verify", "--read-data"), 80, {"NO_COLOR": "1"}) as terminal:
        text, code = terminal.read_to_end()
    assert "blobs on local ..." in text
    assert code == 0
