"""What the pages say is true: their tables follow from the program, and what they link to is there."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", ROOT / "CONTRIBUTING.md", *ROOT.glob("docs/*.md")])


def test_the_tables_are_those_that_the_program_makes() -> None:
    done = subprocess.run(
        [sys.executable, "scripts/make_docs.py", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, f"{done.stderr}: run python scripts/make_docs.py"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_within_the_project_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text(encoding="utf-8"))
    missing = [link for link in links if "://" not in link and not (page.parent / link).exists()]

    assert missing == []


def test_the_architecture_page_names_every_module() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    modules = [path for path in (ROOT / "cosmos").rglob("*.py") if not path.name.startswith("__")]
    folders = {"migrations", "versions", "cli"}  # described as a whole
    unnamed = [path.stem for path in modules if path.parent.name not in folders and path.stem not in page]

    assert unnamed == [], unnamed


def test_the_laws_name_tests_that_exist() -> None:
    page = (ROOT / "docs" / "laws.md").read_text(encoding="utf-8")
    held = [*(ROOT / "tests").rglob("test_*.py"), *(ROOT / "tests" / "contracts").glob("*.py")]
    tests = "".join(path.read_text(encoding="utf-8") for path in held)
    names = re.findall(r"`(test_\w+)`", page)
    files = re.findall(r"`(tests/[\w/]+\.py)`", page)

    assert [name for name in names if f"def {name}(" not in tests] == []
    assert [file for file in files if not (ROOT / file).exists()] == []
    rows = [line for line in page.splitlines() if line.startswith("| ") and "---" not in line]
    assert [row for row in rows[1:] if "`test" not in row and not row.startswith("| promise")] == []
    assert len(rows) > 10
