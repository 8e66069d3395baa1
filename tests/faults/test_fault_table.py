"""The table of faults names tests that exist."""

import re
from pathlib import Path

HERE = Path(__file__).parent


def test_each_test_that_the_table_of_faults_names_exists() -> None:
    text = "".join(path.read_text() for path in HERE.parent.rglob("test_*.py"))
    page = (HERE / "README.md").read_text()
    rows = [line.split(" | ") for line in page.splitlines() if re.match(r"\| (\d|any)", line)]
    named = re.findall(r"`(test_\w+)`", page)
    assert len(rows) == 16
    assert all("`test_" in row[2] for row in rows)
    assert [name for name in named if f"def {name}(" not in text] == []
