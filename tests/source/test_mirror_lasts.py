"""A mirror that is damaged, half made, on a full disk, or fetched by several at once; and programs that do not end."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from cosmos.errors import SourceError
from cosmos.source import bare
from cosmos.source.git import Git
from cosmos.source.mirror import Mirror
from cosmos.source.program import Limits, OverrunError, run
from tests.cli.console import wait_until
from tests.disks import fill, small_disk
from tests.processes import children, is_alive
from tests.repositories import Repo

pytestmark = pytest.mark.needs("git")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "state" / "specs.git"


def paths(mirror: Mirror, sha: str) -> list[str]:
    return [file.path for file in mirror.specs(sha, "specs")]


# Damage


def lose(folder: Path, what: Callable[[Path], bool]) -> None:
    """Take files away."""
    found = [path for path in folder.rglob("*") if path.is_file() and what(path)]
    assert found
    for path in found:
        path.unlink()


@pytest.mark.parametrize(
    "what",
    [
        lambda path: path.suffix == ".pack",
        lambda path: path.suffix == ".idx",
        lambda path: path.name == "HEAD",
        lambda path: path.name == "config",
    ],
    ids=["packs", "indexes", "HEAD", "config"],
)
def test_a_damaged_mirror_mends_itself_and_keeps_the_pin(
    repo: Repo, folder: Path, what: Callable[[Path], bool]
) -> None:
    mirror = repo.mirror(folder)
    old = mirror.fetch()
    mirror.pin(old)
    repo.write("specs/snow.yaml")
    new = repo.commit()
    lose(folder, what)
    assert mirror.pinned() == old
    assert mirror.fetch() == new
    assert mirror.pinned() == old
    assert (len(paths(mirror, old)), len(paths(mirror, new))) == (1, 2)
    assert sorted(path.name for path in folder.parent.iterdir()) == ["specs.git", "specs.git.lock"]


def lose_blob(repo: Repo, folder: Path, path: str) -> None:
    """One object of the mirror, which has only loose ones then."""
    (pack,) = folder.glob("objects/pack/*.pack")
    apart = pack.rename(folder.with_name("apart"))
    with apart.open("rb") as file:
        subprocess.run(["git", f"--git-dir={folder}", "unpack-objects", "-q"], stdin=file, check=True)
    apart.unlink()
    blob = repo.git("rev-parse", f"HEAD:{path}")
    (folder / "objects" / blob[:2] / blob[2:]).unlink()


def test_what_only_a_reader_finds_is_mended_by_the_next_fetch(repo: Repo, folder: Path) -> None:
    """Nothing is new over there: a fetch alone would see nothing."""
    mirror = repo.mirror(folder)
    sha = mirror.fetch()
    lose_blob(repo, folder, "specs/rain.yaml")
    assert mirror.fetch() == sha
    with pytest.raises(SourceError, match="missing or broken"):
        paths(mirror, sha)
    assert mirror.fetch() == sha
    assert paths(mirror, sha) == ["specs/rain.yaml"]


def test_what_a_fetch_stumbles_over_is_mended_by_it(repo: Repo, folder: Path) -> None:
    """The other side sends a difference to something that it believes to be here."""
    text = "".join(f"# {os.urandom(20).hex()}\n" for _ in range(500))
    repo.write("specs/long.yaml", text)
    repo.commit("long")
    mirror = repo.mirror(folder)
    mirror.pin(mirror.fetch())
    lose_blob(repo, folder, "specs/long.yaml")
    repo.write("specs/long.yaml", f"{text}# more\n")
    new = repo.commit("longer")
    assert mirror.fetch() == new
    assert paths(mirror, mirror.pinned()) == paths(mirror, new) == ["specs/long.yaml", "specs/rain.yaml"]


def test_a_pinned_commit_that_is_gone_elsewhere_is_taken_over_from_what_is_left(repo: Repo, folder: Path) -> None:
    mirror = repo.mirror(folder)
    repo.write("specs/snow.yaml")
    old = repo.commit()
    mirror.fetch()
    mirror.pin(old)
    rewrite(repo)
    bare.mark_damaged(folder)
    new = mirror.fetch()
    assert (mirror.pinned(), len(paths(mirror, old))) == (old, 2)
    assert not mirror.is_ancestor(old, new)


def test_a_pin_that_is_lost_is_said(repo: Repo, folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    mirror = repo.mirror(folder)
    old = mirror.fetch()
    mirror.pin(old)
    rewrite(repo)
    lose(folder, lambda path: path.suffix == ".pack")
    mirror.fetch()
    assert mirror.pinned() == ""
    assert f"the commit that was applied last, {old[:10]}, is lost" in caplog.text


def rewrite(repo: Repo) -> None:
    """Another history, and nothing left of the one before."""
    repo.git("checkout", "--quiet", "--orphan", "other")
    repo.commit("another history")
    repo.git("branch", "--quiet", "-M", "other", "main")
    repo.git("reflog", "expire", "--expire=now", "--all")
    repo.git("gc", "--quiet", "--prune=now")


def test_a_damaged_mirror_stays_while_the_other_side_is_away(repo: Repo, folder: Path) -> None:
    mirror = repo.mirror(folder)
    sha = mirror.fetch()
    mirror.pin(sha)
    bare.mark_damaged(folder)
    repo.root.rename(repo.root.with_name("away"))
    with pytest.raises(SourceError):
        mirror.fetch()
    assert (mirror.pinned(), paths(mirror, sha)) == (sha, ["specs/rain.yaml"])


def test_one_that_was_killed_between_two_renames_loses_no_pin(repo: Repo, folder: Path) -> None:
    mirror = repo.mirror(folder)
    sha = mirror.fetch()
    mirror.pin(sha)
    folder.rename(folder.with_name("specs.git.old"))
    assert mirror.pinned() == sha
    rewrite(repo)
    mirror.fetch()
    assert (mirror.pinned(), paths(mirror, sha)) == (sha, ["specs/rain.yaml"])


def test_what_a_killed_fetch_left_is_in_nobodys_way(repo: Repo, folder: Path) -> None:
    mirror = repo.mirror(folder)
    mirror.fetch()
    (folder / "refs" / "cosmos" / "fetched.lock").touch()
    (folder / "refs" / "cosmos" / "newest.lock").touch()
    (folder / "packed-refs.lock").touch()
    (folder / "objects" / "pack" / "tmp_pack_x").write_bytes(b"half")
    assert mirror.fetch() != (new := repo.commit("more"))
    assert mirror.fetch() == new
    assert not [*folder.rglob("*.lock"), *folder.rglob("tmp_*")]


@pytest.mark.needs("mount")
def test_a_full_disk_takes_nothing_away_and_is_not_filled_further(repo: Repo, tmp_path: Path) -> None:
    with small_disk(tmp_path / "state", 8) as state:
        mirror = repo.mirror(state / "specs.git")
        old = mirror.fetch()
        mirror.pin(old)
        (repo.root / "noise").write_bytes(os.urandom(2_000_000))
        new = repo.commit("large")
        (state / "taken").write_bytes(bytes(6_500_000))
        for _ in range(2):
            with pytest.raises(SourceError) as caught:
                mirror.fetch()
            assert "space" in caught.value.message + caught.value.hint
            assert not [*(state / "specs.git").rglob("tmp_*")]
        fill(state)
        with pytest.raises(SourceError):
            mirror.fetch()
        assert (mirror.pinned(), mirror.resolve("refs/cosmos/newest")) == (old, old)
        assert paths(mirror, old) == ["specs/rain.yaml"]
        (state / "ballast").unlink()
        (state / "taken").unlink()
        assert mirror.fetch() == new


# Several at once

FETCH = """
import sys
from pathlib import Path
from cosmos.source.mirror import Mirror
mirror = Mirror(Path(sys.argv[1]), sys.argv[2])
for _ in range(4):
    mirror.pin(mirror.fetch())
    assert mirror.specs(mirror.pinned(), "specs")
"""


def test_several_fetch_at_once(repo: Repo, folder: Path) -> None:
    words = [sys.executable, "-c", FETCH, str(folder), str(repo.root)]
    started = [subprocess.Popen(words, stderr=subprocess.PIPE) for _ in range(3)]
    for number in range(5):
        last = repo.commit(str(number))
    said = [process.communicate(timeout=120)[1].decode() for process in started]
    assert said == ["", "", ""]
    assert repo.mirror(folder).fetch() == last


def test_one_that_holds_it_for_too_long_is_named(folder: Path) -> None:
    with (
        bare.held(folder),
        pytest.raises(SourceError, match="another cosmos fetches"),
        bare.held(folder, patience_s=0.1),
    ):
        pass


def test_many_packs_are_made_one(repo: Repo, folder: Path) -> None:
    mirror = repo.mirror(folder)
    first = mirror.fetch()
    (pack,) = folder.glob("objects/pack/*.pack")
    for number in range(bare.PACKS_MAX):
        for suffix in (".pack", ".idx"):
            shutil.copy(pack.with_suffix(suffix), pack.with_name(f"pack-{number:040x}{suffix}"))
    mirror.pin(first)
    new = repo.commit("more")
    assert mirror.fetch() == new
    assert len([*folder.glob("objects/pack/*.pack")]) == 1
    assert (mirror.pinned(), mirror.resolve("refs/cosmos/newest")) == (first, new)


# Refs


def test_a_tag_with_words_is_followed_to_its_commit(repo: Repo, tmp_path: Path) -> None:
    sha = repo.git("rev-parse", "HEAD")
    repo.git("tag", "-a", "-m", "Words", "v1")
    repo.commit("later")
    mirror = repo.mirror(tmp_path / "mirror", ref="v1")
    assert mirror.fetch() == sha
    assert mirror.resolve("refs/cosmos/newest") == sha


def test_a_tag_of_something_else_is_refused(repo: Repo, tmp_path: Path) -> None:
    repo.git("tag", "odd", "HEAD:specs/rain.yaml")
    with pytest.raises(SourceError, match=r"odd of .* is no commit"):
        repo.mirror(tmp_path / "mirror", ref="odd").fetch()


def test_a_linked_working_tree_is_followed_at_its_own_commit(repo: Repo, tmp_path: Path) -> None:
    repo.git("worktree", "add", "--quiet", "-b", "side", str(tmp_path / "side"))
    side = Repo(tmp_path / "side")
    sha = side.commit("on the side")
    assert side.mirror(tmp_path / "mirror").fetch() == sha != repo.git("rev-parse", "HEAD")


# Programs

ENVIRONMENT = {"PATH": os.environ["PATH"]}


def bash(text: str, **limits: float) -> None:
    run(["bash", "-c", text], ENVIRONMENT, Limits(**{"total_s": 60.0, "bytes_max": 1000, **limits}))  # type: ignore[arg-type]


def test_what_is_written_without_end_is_cut_off() -> None:
    with pytest.raises(OverrunError, match="wrote more than"):
        bash("yes")


def test_words_on_the_side_have_no_end_but_are_not_kept() -> None:
    ended = run(["bash", "-c", "yes | head -c 1000000 >&2"], ENVIRONMENT, Limits(total_s=60, bytes_max=1))
    assert len(ended.err) == 64 << 10


def test_one_that_reports_progress_is_not_silent() -> None:
    bash("for i in 1 2 3 4 5 6 7 8 9; do echo $i >&2; sleep 0.25; done", silent_s=2.0)
    with pytest.raises(OverrunError, match="within 1 s"):
        bash("sleep 1000", silent_s=1.0)


def test_more_input_than_a_pipe_holds_is_given_while_the_answer_is_taken() -> None:
    data = os.urandom(3_000_000)
    ended = run(["cat"], ENVIRONMENT, Limits(total_s=60, bytes_max=len(data)), data=data)
    assert ended.out == data
    assert run(["true"], ENVIRONMENT, Limits(total_s=60, bytes_max=9), data=data).code == 0


def test_what_a_program_leaves_behind_is_not_waited_for() -> None:
    """As a shared connection of ssh, which keeps the pipe that it was started with."""
    begin = time.monotonic()
    bash("setsid sleep 30 & echo done")
    assert time.monotonic() - begin < 25


def test_an_interrupted_wait_leaves_nothing(tmp_path: Path) -> None:
    """Ctrl-C reaches this program, and not the one in a session of its own."""
    program = (
        "import sys; from cosmos.source.program import Limits, run;"
        f"run(['bash', '-c', 'read; sleep 1000 & echo $! >{tmp_path}/pid; wait'], {{'PATH': {ENVIRONMENT['PATH']!r}}},"
        "Limits(total_s=100, bytes_max=1), data=b'go\\n')"
    )
    process = subprocess.Popen([sys.executable, "-c", program], stderr=subprocess.DEVNULL)
    pid = tmp_path / "pid"
    wait_until(lambda: pid.exists() and pid.read_text().strip() != "")
    assert children(process.pid)
    process.send_signal(signal.SIGINT)
    process.wait(timeout=60)
    wait_until(lambda: not is_alive(int(pid.read_text())))


def test_a_mirror_is_read_with_no_settings_but_ours(
    repo: Repo, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".gitconfig").write_text("[log]\n\tshowSignature = true\n[i18n]\n\tlogOutputEncoding = latin1\n[bad\n")
    mirror = repo.mirror(folder)
    sha = mirror.fetch()
    monkeypatch.setenv("HOME", str(tmp_path))
    assert mirror.describe(sha).subject == "first"
    with pytest.raises(SourceError, match="bad config"):
        Git(repo.root).run("status")
