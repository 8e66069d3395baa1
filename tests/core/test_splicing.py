"""One document of a file is replaced, and every other byte stays."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from cosmos.core.splicing import Piece, SpliceError, pieces, put, without

FILE = """\
# The rain.

kind: Prompt   # says what
name: rain
text: Heavy rain

# Snow comes next.
---
# The snow.
kind: Prompt
name: snow
text: |
  First snow
  # not a comment
  of the year
# after the snow

---
kind: Run
name: city
prompt: rain
model: echo
"""


def piece(text: str) -> Piece:
    (found,) = pieces("old.yaml", text.encode())
    return found


def swapped(file: str, new: str) -> str:
    return put("specs/all.yaml", file.encode(), piece(new)).decode()


def test_documents_are_found_without_the_comments_around_them() -> None:
    found = pieces("all.yaml", FILE.encode())
    assert [each.who for each in found] == [("Prompt", "rain"), ("Prompt", "snow"), ("Run", "city")]
    assert [each.text.splitlines()[-1] for each in found] == ["text: Heavy rain", "  of the year", "model: echo"]
    assert [FILE[each.start : each.end] for each in found] == [each.text for each in found]


def test_one_document_is_replaced_and_the_rest_stays_byte_for_byte() -> None:
    old = "kind: Prompt\nname: snow # old\ntext: Old snow"
    made = swapped(FILE, f"# not taken\n{old}\n# not taken\n")
    begin, end = FILE.index("kind: Prompt\nname: snow"), FILE.index("# after the snow")

    assert made == f"{FILE[:begin]}{old}\n{FILE[end:]}"


def test_the_last_document_keeps_what_is_after_it() -> None:
    assert swapped("kind: A\nname: a\n\n# end", "kind: A\nname: a\nx: 1") == "kind: A\nname: a\nx: 1\n\n# end"


def test_a_document_that_is_not_there_is_put_at_the_end() -> None:
    new = "kind: Prompt\nname: fog\ntext: Fog\n"
    assert swapped(FILE, new) == f"{FILE}---\n{new}"
    assert swapped(FILE.rstrip("\n"), new) == f"{FILE}---\n{new}"
    assert swapped("", new) == new
    assert swapped("# only words\n", new) == f"# only words\n{new}"


def test_line_ends_and_a_byte_order_mark_stay() -> None:
    file = "\ufeff" + "kind: A\nname: a\nx: 1\n---\nkind: B\nname: b\n".replace("\n", "\r\n")
    made = put("all.yaml", file.encode(), piece("kind: B\nname: b\ny: 2\n")).decode()
    assert made == f"{file}y: 2\r\n"


@pytest.mark.parametrize(
    "file",
    [
        "--- {kind: A, name: a}\n---\nkind: B\nname: b\n",  # a block cannot begin behind ---
        "kind: A\nname: a\n: : :\n",
        "kind: [\n",
        "kind: A\nname: a\nkind: A\n",
    ],
)
def test_what_cannot_be_done_without_harm_is_refused(file: str) -> None:
    with pytest.raises(SpliceError):
        swapped(file, "kind: A\nname: a\nx: 1\n")


def test_blank_lines_that_are_part_of_a_text_are_not_lost_unseen() -> None:
    """`|+` keeps the blank lines at the end of a document, which here seem to belong to nobody."""
    assert pieces("a.yaml", b"kind: A\nname: a\nt: |+\n  x\n\n\n")[0].text == "kind: A\nname: a\nt: |+\n  x\n"
    with pytest.raises(SpliceError, match="without touching"):
        swapped("kind: A\nname: a\n", "kind: A\nname: a\nt: |+\n  x\n\n\n")


LINES = st.sampled_from(
    ["", "# words", "  # words", "x: 1", "y: |", "  z", "  # in", "l: [1,", "  2]", "q: 'a", "  b'"]
)


@given(st.lists(LINES, max_size=8), st.lists(LINES, max_size=8), st.lists(LINES, max_size=5))
def test_whatever_the_file_a_swap_changes_one_document_or_is_refused(
    old: list[str], new: list[str], between: list[str]
) -> None:
    other = "\n".join(["kind: B", "name: b", *old])
    file = "\n".join([*between, "kind: A", "name: a", *old, "---", *between, other, ""])
    try:
        there, wanted = pieces("f", file.encode()), piece("\n".join(["kind: A", "name: a", *new, ""]))
        assume(wanted.who == ("A", "a") == there[0].who)
        made = put("f", file.encode(), wanted)
    except (SpliceError, ValueError):
        return
    text = made.decode()
    assert text.startswith(file[: there[0].start])
    assert text.endswith(file[there[0].end :])
    assert [each.data for each in pieces("f", made)] == [wanted.data, there[1].data]


TAKEN = [
    ("kind: a\n", 0, ""),
    ("# head\nkind: a\n# in\nx: 1\n---\nkind: b\n", 0, "# head\nkind: b\n"),
    ("---\nkind: a\n---\nkind: b\n# tail\n", 0, "---\nkind: b\n# tail\n"),
    ("# head\n---\nkind: a\n--- # two\nkind: b\n# tail\n", 1, "# head\n---\nkind: a\n"),
    ("kind: a\n---\n# about b\nkind: b\n---\nkind: c", 1, "kind: a\n---\nkind: c"),
    ("\ufeffkind: a\r\n---\r\nkind: b\r\n---\r\nkind: c\r\n", 1, "\ufeffkind: a\r\n---\r\nkind: c\r\n"),
]


@pytest.mark.parametrize(("text", "index", "left"), TAKEN)
def test_a_document_is_taken_out(text: str, index: int, left: str) -> None:
    data = text.encode()
    assert without("a.yaml", data, pieces("a.yaml", data)[index]).decode() == left
