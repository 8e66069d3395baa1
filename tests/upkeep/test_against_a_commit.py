"""The specs of the working tree against those of another commit, without a look at any host."""

import json
from pathlib import Path

import pytest

from cosmos.cli.main import main
from cosmos.core.comparison import Comparison, How
from cosmos.errors import SourceError
from tests.repositories import commit, git, make_repository
from tests.upkeep.shop import RUN, Shop

pytestmark = pytest.mark.needs("git")


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    """`a` and `b` are committed; no host can be reached."""
    shop = Shop(tmp_path / "shop", toml='[hosts.away]\naddress = "192.0.2.1"\n')
    shop.ask("a", "b")
    make_repository(shop.root)
    return shop


def compare(shop: Shop, base: str = "main") -> Comparison:
    with shop.api() as api:
        return api.review.compare(base)


def found(shop: Shop, base: str = "main") -> list[tuple[str, How, str]]:
    differences = compare(shop, base).differences
    return [(each.key, each.how, ", ".join(field.field for field in each.fields)) for each in differences]


def test_what_comes_changes_and_goes_is_found(shop: Shop) -> None:
    assert found(shop) == []
    (shop.root / "inputs" / "two").write_text("two")
    shop.ask("b", "c", source="two")

    assert found(shop) == [("a", How.REMOVED, ""), ("b", How.CHANGED, "inputs.ref"), ("c", How.NEW, "")]
    comparison = compare(shop)
    assert (comparison.base, comparison.commit) == ("main", git(shop.root, "rev-parse", "main"))


def test_inputs_that_are_in_git_are_those_of_the_commit(shop: Shop) -> None:
    (shop.root / "inputs" / "one").write_text("another")
    assert found(shop) == [("a", How.CHANGED, "inputs.ref"), ("b", How.CHANGED, "inputs.ref")]
    commit(shop.root, "Render again")
    assert found(shop) == []
    assert found(shop, "HEAD^") == [("a", How.CHANGED, "inputs.ref"), ("b", How.CHANGED, "inputs.ref")]


def test_inputs_that_are_not_in_git_are_those_of_the_disk(tmp_path: Path) -> None:
    shop = Shop(tmp_path / "shop")
    shop.ask("a")
    make_repository(shop.root, "inputs/")
    (shop.root / "inputs" / "one").write_text("another")
    assert found(shop) == []


def test_an_input_that_is_gone_is_read_from_the_commit(shop: Shop) -> None:
    (shop.root / "inputs" / "one").rename(shop.root / "inputs" / "two")
    shop.ask("a", source="two")
    assert found(shop) == [("b", How.REMOVED, "")]


def test_an_input_that_came_later_was_not_there(shop: Shop) -> None:
    (shop.root / "inputs" / "two").write_text("two")
    shop.ask("a", source="two")
    commit(shop.root, "Take another")
    (shop.root / "inputs" / "two").write_text("more")
    git(shop.root, "rm", "-q", "--cached", "inputs/two")
    git(shop.root, "commit", "-qm", "Keep it out of git")
    git(shop.root, "add", "inputs/two")
    assert found(shop, "HEAD") == [("a", How.UNKNOWN, "")]
    assert found(shop, "HEAD^") == [("a", How.CHANGED, "inputs.ref")]


def test_a_project_below_the_top_of_its_repository(tmp_path: Path) -> None:
    shop = Shop(tmp_path / "all" / "shop")
    shop.ask("a")
    (tmp_path / "all" / "specs").mkdir()
    (tmp_path / "all" / "specs" / "x.yaml").write_text("not ours")
    make_repository(tmp_path / "all")
    (shop.root / "inputs" / "one").write_text("another")
    shop.ask("a", "b")
    assert found(shop) == [("a", How.CHANGED, "inputs.ref"), ("b", How.NEW, "")]


def test_only_visible_spec_files_of_the_commit_are_read(shop: Shop) -> None:
    for number, name in enumerate(("specs/.hidden/x.yaml", "specs/.x.yaml", "specs/notes.md", "elsewhere.yaml")):
        (shop.root / name).parent.mkdir(exist_ok=True)
        (shop.root / name).write_text(RUN % (f"z{number}", "one", "z"))
    commit(shop.root, "Add what is no spec")
    assert found(shop) == []
    (shop.root / "specs" / "link.yaml").symlink_to("all.yaml")
    (shop.root / "specs" / "huge.yaml").write_text("#" * 300_000)
    commit(shop.root, "Add what cannot be read")
    for name in ("link", "huge"):
        (shop.root / "specs" / f"{name}.yaml").unlink()
    shop.ask("a", "c")
    assert found(shop) == [("b", How.REMOVED, ""), ("c", How.UNKNOWN, "")]


def test_what_exists_already_is_told(tmp_path: Path) -> None:
    shop = Shop(tmp_path / "shop")
    shop.made("a", "b")
    shop.ask("a")
    make_repository(shop.root)
    shop.ask("a", "b", "c")
    assert [(each.key, each.is_made) for each in compare(shop).differences] == [("b", True), ("c", False)]


def test_a_commit_that_is_not_there_is_refused(shop: Shop, tmp_path: Path) -> None:
    for ref in ("absent", "-x", "--help", "main:specs", ""):
        with pytest.raises(SourceError, match="there is no commit") as error:
            compare(shop, ref)
        assert "fetch-depth" in error.value.hint
    other = Shop(tmp_path / "other")
    other.ask("a")
    with pytest.raises(SourceError, match="not a git repository"):
        compare(other, "main")


def test_the_command_has_the_exit_codes_of_a_plan(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    def code(*words: str) -> int:
        return main(["-C", str(shop.root), "plan", "--base", "main", *words])

    assert code("--detailed-exitcode") == 0
    shop.ask("a", "b", "c")
    assert [code(), code("--detailed-exitcode"), code("a")] == [0, 2, 64]
    (shop.root / "specs" / "bad.yaml").write_text("kind: Run\n")
    assert code("--detailed-exitcode") == 1
    capsys.readouterr()
    assert code() == 1
    shown = capsys.readouterr()
    assert "+ run c   new" in shown.out
    assert "bad.yaml:1:1: error" in shown.err
    code("-o", "json")
    assert json.loads(capsys.readouterr().out)["summary"]["new"] == 1
