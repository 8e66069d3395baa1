"""Nothing that a repository, its server or an address holds runs here, or leads out of the repository."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from cosmos.config import ConfigManager
from cosmos.errors import ConfigError, SourceError
from cosmos.source.commits import Repository
from cosmos.source.git import Git
from cosmos.source.mirror import Mirror
from tests.repositories import Repo

pytestmark = pytest.mark.needs("git")


@pytest.fixture
def trap(tmp_path: Path) -> Path:
    """A program that leaves a trace when it runs: `sprung` sees it."""
    program = tmp_path / "trap"
    program.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\nexec false\n")
    program.chmod(0o755)
    return program


def sprung(trap: Path) -> bool:
    return trap.with_name("ran").exists()


def elsewhere(repo: Repo, trap: Path) -> str:
    """Lines of a configuration that lead to a program instead of a repository."""
    return f'[url "ext::{trap} "]\n\tinsteadOf = {repo.root}\n[protocol "ext"]\n\tallow = always\n'


def test_a_mirror_that_came_with_a_repository_is_not_trusted(repo: Repo, mirror: Mirror, trap: Path) -> None:
    """Whoever commits a folder `.cosmos/specs.git` writes the configuration of a mirror."""
    newest = mirror.fetch()
    folder = trap.with_name("state") / "specs.git"
    with (folder / "config").open("a") as file:
        file.write(elsewhere(repo, trap))
    assert mirror.fetch() == newest
    assert not sprung(trap)


def test_nor_is_one_whose_configuration_lies_elsewhere(repo: Repo, mirror: Mirror, trap: Path) -> None:
    newest = mirror.fetch()
    folder = trap.with_name("state") / "specs.git"
    other = shutil.copytree(folder, trap.with_name("other"))
    with (other / "config").open("a") as file:
        file.write(elsewhere(repo, trap))
    (folder / "commondir").write_text(f"{other}\n")
    assert mirror.fetch() == newest
    assert not sprung(trap)


def test_no_transport_of_the_repository_is_used_for_what_is_missing(repo: Repo, tmp_path: Path, trap: Path) -> None:
    """A partial clone asks the one that promised the rest, by a program that its own configuration names."""
    repo.git("config", "uploadpack.allowFilter", "true")
    part = Repo(tmp_path / "part")
    repo.git("clone", "--quiet", "--filter=blob:none", "--no-checkout", f"file://{repo.root}", str(part.root))
    part.git("config", "remote.origin.uploadpack", str(trap))
    part.git("config", "protocol.file.allow", "always")
    for look in (part.mirror(tmp_path / "mirror").fetch, lambda: Repository(Git(part.root)).specs("HEAD", "specs")):
        with pytest.raises(SourceError):
            look()
    assert not sprung(trap)


def test_a_mirror_without_a_repository_never_is_the_one_around_it(repo: Repo, trap: Path) -> None:
    """The state lies in the project: git would look for a repository above, and find the user's."""
    folder = repo.root / ".cosmos" / "specs.git"
    folder.mkdir(parents=True)
    (folder / "HEAD").write_text("ref: refs/heads/main\n")
    before = repo.git("for-each-ref")
    mirror = repo.mirror(folder)
    assert mirror.fetch() == repo.git("rev-parse", "HEAD")
    mirror.pin(mirror.resolve("refs/cosmos/newest"))
    assert repo.git("for-each-ref") == before


@pytest.mark.parametrize("name", ["core.sshCommand", "credential.helper", "core.askPass", "core.gitProxy"])
def test_settings_of_the_followed_repository_are_its_own(repo: Repo, mirror: Mirror, trap: Path, name: str) -> None:
    repo.git("config", name, str(trap))
    mirror.fetch()
    with pytest.raises(SourceError):
        Mirror(trap.with_name("other"), "ssh://127.0.0.1:1/x").fetch()
    assert not sprung(trap)


@pytest.mark.parametrize(
    "url",
    [
        "ext::sh -c 'touch {ran}'",
        "--upload-pack=touch {ran}",
        "-o ProxyCommand=touch {ran}:x",
        "ssh://-oProxyCommand=touch%20{ran}/x",
        "-oProxyCommand=touch {ran}:x",
        "git://127.0.0.1:1/x",
        "https://ann:secret@127.0.0.1:1/x",
        "file://a\nb",
        "/a\x1b[2J",
    ],
)
def test_an_address_that_is_none_is_refused_and_runs_nothing(tmp_path: Path, url: str) -> None:
    address = url.format(ran=tmp_path / "ran")
    (tmp_path / "specs").mkdir()
    with pytest.raises(ConfigError, match=r"git\.url") as caught:
        ConfigManager(tmp_path, environment={"COSMOS_GIT__URL": address}).settings()
    assert "secret" not in str(caught.value)
    assert "\x1b" not in str(caught.value)
    with pytest.raises(SourceError):
        Mirror(tmp_path / "mirror", address).fetch()
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    "url",
    [
        "ssh://git@[fe80::1]:22/specs.git",
        "git@example.org:team/specs.git",
        "https://example.org/specs.git",
        "../specs",
        "/srv/with space",
        "~/specs",
        "file:///srv/specs.git",
    ],
)
def test_an_address_that_is_one_is_taken(tmp_path: Path, url: str) -> None:
    (tmp_path / "specs").mkdir()
    assert ConfigManager(tmp_path, environment={"COSMOS_GIT__URL": url}).settings().git.url == url


def test_an_option_as_a_ref_runs_nothing(repo: Repo, tmp_path: Path) -> None:
    for ref in (f"--upload-pack=touch {tmp_path}/ran", f"--output={tmp_path}/ran"):
        with pytest.raises(SourceError):
            repo.mirror(tmp_path / "mirror", ref=ref).fetch()
    assert not (tmp_path / "ran").exists()


def test_a_submodule_of_a_hostile_address_is_refused_whole(repo: Repo, mirror: Mirror, tmp_path: Path) -> None:
    good = mirror.fetch()
    repo.write(".gitmodules", f'[submodule "x"]\n\tpath = x\n\turl = "--upload-pack=touch {tmp_path}/ran"\n')
    repo.commit("hostile")
    with pytest.raises(SourceError):
        mirror.fetch()
    assert not (tmp_path / "ran").exists()
    assert mirror.resolve("refs/cosmos/newest") == good


def test_what_a_commit_says_of_itself_cannot_move_a_cursor(repo: Repo) -> None:
    words = "Snow\x1b[2J\x1b]0;owned\x07"
    sha = repo.commit(words, "--author=Eve\x1b[31m <eve@example.org>")
    said = Repository(Git(repo.root)).describe(sha)
    assert said.subject.isprintable()
    assert said.subject.startswith("Snow")
    assert said.author.isprintable()


def test_what_a_server_says_cannot_either(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loud = tmp_path / "ssh"
    loud.write_text("#!/bin/sh\nprintf 'ERROR: \\033[2Jgone\\n' >&2\nexit 1\n")
    loud.chmod(0o755)
    monkeypatch.setenv("GIT_SSH_COMMAND", str(loud))
    with pytest.raises(SourceError, match="gone") as caught:
        Mirror(tmp_path / "mirror", "ssh://127.0.0.1/x").fetch()
    assert caught.value.message.isprintable()


# Specs


def specs(repo: Repo, folder: str = "specs") -> dict[str, str]:
    """Why each cannot be read; empty where it can."""
    return {file.path: file.error for file in Repository(Git(repo.root)).specs("HEAD", folder)}


def test_a_large_blob_is_named_and_not_loaded(repo: Repo) -> None:
    with (repo.root / "specs" / "huge.yaml").open("wb") as file:
        file.truncate(100 * 1000**2)
    repo.git("config", "core.bigFileThreshold", "1m")
    repo.commit()
    probe = (
        "import resource, sys, pathlib;"
        "from cosmos.source.commits import Repository; from cosmos.source.git import Git;"
        "found = Repository(Git(pathlib.Path(sys.argv[1]))).specs('HEAD', 'specs');"
        "print(len(found), resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss < 90_000)"
    )
    words = [sys.executable, "-c", probe, str(repo.root)]
    assert subprocess.run(words, capture_output=True, text=True, check=True).stdout.split() == ["2", "True"]
    assert specs(repo)["specs/huge.yaml"].startswith("it has 100000000 bytes")


def test_many_specs_that_are_too_much_together_are_an_error(repo: Repo) -> None:
    big = repo.root / "big"
    big.write_text("#" * 250_000)
    oid = repo.git("hash-object", "-w", str(big))
    lines = "".join(f"100644 blob {oid}\tx{number}.yaml\n" for number in range(2000))
    done = subprocess.run(
        ["git", "-C", str(repo.root), "mktree"], input=lines.encode(), capture_output=True, check=True
    )
    tree = done.stdout.decode().strip()
    top = subprocess.run(
        ["git", "-C", str(repo.root), "mktree"],
        input=f"040000 tree {tree}\tspecs\n".encode(),
        capture_output=True,
        check=True,
    )
    sha = repo.git("commit-tree", "-m", "much", top.stdout.decode().strip())
    with pytest.raises(SourceError, match="MB"):
        Repository(Git(repo.root)).specs(sha, "specs")


def test_case_twins_are_two_files(repo: Repo) -> None:
    repo.write("specs/Rain.yaml", "other")
    repo.commit()
    assert specs(repo) == {"specs/Rain.yaml": "", "specs/rain.yaml": ""}


def test_a_link_to_a_folder_hides_nothing_whatever_it_is_called(repo: Repo) -> None:
    repo.write("v1/a.yaml")
    (repo.root / "specs" / "v1.0").symlink_to("../v1")
    (repo.root / "specs" / "away.d").symlink_to("/etc")
    (repo.root / "specs" / "README").symlink_to("../a.md")
    (repo.root / "specs" / "notes.md").symlink_to("rain.yaml")
    repo.commit()
    found = specs(repo)
    assert list(found) == ["specs/away.d", "specs/rain.yaml", "specs/v1.0"]
    assert "link" in found["specs/v1.0"]
    assert "link" in found["specs/away.d"]


def test_a_folder_called_like_a_spec_is_named_and_not_entered(repo: Repo) -> None:
    repo.write("specs/x.yaml/inside.yaml")
    repo.commit()
    assert specs(repo) == {"specs/rain.yaml": "", "specs/x.yaml": "it is a folder; rename it"}


def test_a_specs_folder_may_be_hidden_itself(repo: Repo) -> None:
    repo.write(".specs/a.yaml")
    repo.write(".specs/.b.yaml")
    repo.commit()
    assert specs(repo, ".specs") == {".specs/a.yaml": ""}


def test_a_file_or_a_link_in_place_of_the_specs_folder_is_an_error(repo: Repo) -> None:
    (repo.root / "linked").symlink_to("/etc")
    repo.write("file")
    repo.commit()
    for folder in ("linked", "file", "linked/specs"):
        with pytest.raises(SourceError, match="folder"):
            Repository(Git(repo.root)).specs("HEAD", folder)


def test_a_file_is_read_only_where_it_is_one(repo: Repo) -> None:
    (repo.root / "link").symlink_to("/etc/passwd")
    repo.commit()
    found = Repository(Git(repo.root))
    for path in ("link", "specs", "nothing", "../repo/specs/rain.yaml", "/etc/passwd", ""):
        with pytest.raises(SourceError):
            found.file("HEAD", path)
    assert found.file("HEAD", "specs/rain.yaml").startswith(b"kind")
