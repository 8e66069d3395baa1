"""A spec document with other values, by the smallest change of its text: comments, order, quotes and all else stay.

`rewritten` compares the data that is there with the data that is wanted and changes, adds and takes away just what
differs. Nothing is written out anew that says the same. What comes out is read again, and is refused unless the
document says what was wanted and every other document what it said before.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from typing import NoReturn

from cosmos.core import yaml_nodes, yaml_text
from cosmos.core.digest import canonical
from cosmos.core.splicing import Piece, SpliceError, pieces
from cosmos.core.yaml_nodes import Node

_BREAK = re.compile(r"\r\n|\r|\n")
_HEADER = re.compile(r"[|>][-+]?(?:[ \t]+#[^\r\n]*)?$")
_BOM = "\ufeff"

Data = Mapping[str, object]


def rewritten(file: str, data: bytes, piece: Piece, wanted: Data) -> bytes:
    """The file with one of its documents saying something else.

    Args:
        file: Its path, for messages.
        data: What it holds.
        piece: One of `splicing.pieces` of it.
        wanted: What the document is to say.

    Raises:
        SpliceError: That cannot be done without touching something else.
    """
    before = pieces(file, data)
    index = before.index(piece)
    bom, text = ("", data.decode("utf-8"))
    if text.startswith(_BOM):
        bom, text = _BOM, text[1:]
    roots = [node for node in yaml_nodes.documents(text) if not _is_nothing(text, node)]
    surgery = _Surgery(text)
    surgery.change(roots[index], piece.data, wanted, column=-2, in_flow=False)
    written = f"{bom}{surgery.result()}".encode()
    said = [canonical(each.data) for each in before]
    said[index] = canonical(wanted)
    if [canonical(each.data) for each in pieces(file, written)] != said:
        raise SpliceError(f"this cannot be changed in {file} without touching what is beside it")
    return written


def _is_nothing(text: str, node: Node) -> bool:
    return node.entries is None and node.items is None and text[node.start : node.end] in ("", "~", "null")


class _Surgery:
    """Cuts and insertions in one text."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._newline = "\r\n" if "\r\n" in text else "\n"
        self._cuts: list[tuple[int, int, str]] = []

    def result(self) -> str:
        text, after = self._text, len(self._text)
        in_order = sorted(enumerate(self._cuts), key=lambda each: (*each[1][:2], each[0]))
        for _, (start, end, new) in reversed(in_order):
            if end > after:
                self._refuse("two changes are in each other's way")
            text = text[:start] + new.replace("\n", self._newline) + text[end:]
            after = start
        return text

    def change(self, node: Node, old: object, new: object, *, column: int, in_flow: bool) -> None:
        """Make a value say something else; `column` is that of the key or dash that it belongs to."""
        if canonical(old) == canonical(new):
            return
        if node.is_alias:
            self._refuse("an alias stands there, which other places share")
        if isinstance(old, dict) and isinstance(new, dict) and any(name in new for name, _, _ in node.entries or ()):
            self._mapping(node, old, new)
        elif isinstance(old, list) and isinstance(new, list) and node.items and new:
            self._list(node, old, new, column)
        elif node.style in ("|", ">") and isinstance(new, str):
            self._cuts.append((node.start, node.end, self._block(node, new, column)))
        else:
            self._replace(node, new, column, in_flow=in_flow or node.is_flow)

    # Mappings --------------------------------------------------------------------------------

    def _mapping(self, node: Node, old: dict[str, object], new: Data) -> None:
        entries = [(name, Node(left.start, right.end), left, right) for name, left, right in node.entries or ()]
        stays = [name in new or name == "<<" for name, _, _, _ in entries]
        spans = [span for _, span, _, _ in entries]
        self._take_away(node, spans, stays)
        for name, _, left, right in entries:
            if name in new and name != "<<":
                self.change(right, old[name], new[name], column=self._column(left.start), in_flow=node.is_flow)
        last = max(index for index, stay in enumerate(stays) if stay)
        there = {name for name, *_ in entries}
        known = {name: canonical(value) for name, value in old.items()}  # some of it by `<<`
        column = self._column(spans[0].start)
        for name, value in new.items():
            if name in there or known.get(name) == canonical(value):
                continue
            if node.is_flow:
                text = f", {yaml_text.key(name)}: {yaml_text.inline(value, in_flow=True)}"
                self._cuts.append((spans[last].end, spans[last].end, text))
            else:
                self._add_line(spans[last].end, column, f"{yaml_text.key(name)}:{yaml_text.after_key(value, column)}")

    def _list(self, node: Node, old: list[object], new: Sequence[object], column: int) -> None:
        items = node.items or []
        steps = SequenceMatcher(None, [*map(canonical, old)], [*map(canonical, new)], autojunk=False).get_opcodes()
        stays = [True] * len(items)
        for _, i1, i2, j1, j2 in steps:
            for index in range(i1 + (j2 - j1), i2):
                stays[index] = False
        if not any(stays):
            self._replace(node, new, column, in_flow=node.is_flow)
            return
        self._take_away(node, items, stays)
        for what, i1, i2, j1, j2 in steps:
            if what == "equal":
                continue
            both = min(i2 - i1, j2 - j1)
            for step in range(both):
                at = self._column(items[i1 + step].start)
                self.change(items[i1 + step], old[i1 + step], new[j1 + step], column=at, in_flow=node.is_flow)
            self._insert(node, items, stays, i1 + both, new[j1 + both : j2])

    def _insert(self, node: Node, items: Sequence[Node], stays: Sequence[bool], at: int, new: Sequence[object]) -> None:
        """Add items before the one with this number, behind the last one before it that stays."""
        before = next((items[index] for index in range(at - 1, -1, -1) if stays[index]), None)
        texts = [yaml_text.inline(value, in_flow=node.is_flow) for value in new]
        first = next(item for item, stay in zip(items, stays, strict=True) if stay)
        if node.is_flow and before is not None:
            self._cuts += [(before.end, before.end, "".join(f", {text}" for text in texts))] if texts else []
        elif node.is_flow:
            self._cuts += [(first.start, first.start, "".join(f"{text}, " for text in texts))] if texts else []
        elif before is not None:
            for text in texts:
                self._add_line(before.end, self._dash(before) - self._line(before.start), f"- {text}")
        elif texts:
            line, dash = self._line(first.start), self._dash(first)
            if self._text[line:dash].strip():
                self._refuse("the list begins within a line")
            room = self._text[line:dash]
            self._cuts.append((line, line, "".join(f"{room}- {text}\n" for text in texts)))

    def _take_away(self, node: Node, spans: Sequence[Node], stays: Sequence[bool]) -> None:
        for first, last in _runs(stays):
            if node.is_flow:
                self._take_from_flow(spans, first, last)
            else:
                self._take_lines(node, spans, first, last)

    def _take_from_flow(self, spans: Sequence[Node], first: int, last: int) -> None:
        """With the comma before; without anything before, with the one behind."""
        gone = spans[first : last + 1]
        start = spans[first - 1].end if first > 0 else gone[0].start
        end = gone[-1].end if first > 0 else spans[last + 1].start
        ends, starts = [start, *(span.end for span in gone)], [*(span.start for span in gone), end]
        if any("#" in self._text[one:two] for one, two in zip(ends, starts, strict=True)):
            self._refuse("a comment is in the way")
        self._cuts.append((start, end, ""))

    def _take_lines(self, node: Node, spans: Sequence[Node], first: int, last: int) -> None:
        """Whole lines, each with what stands behind the value; comments between stay."""
        is_list = node.items is not None
        for index in range(first, last + 1):
            span = spans[index]
            start = self._dash(span) if is_list else span.start
            line, end = self._line(start), self._line_end(span.end)
            if self._text[line:start].strip():  # behind the dash of a list
                if index != first or last + 1 >= len(spans):
                    self._refuse("it begins within a line")
                following = spans[last + 1].start
                if "#" in self._text[spans[last].end : following] or is_list:
                    self._refuse("a comment is in the way")
                self._cuts.append((start, following, ""))
                return
            behind = _BREAK.match(self._text, end)
            if behind is None and line > 0:  # the last line of a file has no end: the one before loses its
                line -= 2 if self._text[line - 2 : line] == "\r\n" else 1
            self._cuts.append((line, behind.end() if behind else end, ""))

    def _add_line(self, after: int, column: int, text: str) -> None:
        """Below the line in which something ends."""
        room = " " * column
        if after > 0 and self._text[after - 1] in "\r\n":  # of a text that keeps its empty lines
            self._cuts.append((after, after, f"{room}{text}\n"))
        else:
            end = self._line_end(after)
            self._cuts.append((end, end, f"\n{room}{text}"))

    # Values ----------------------------------------------------------------------------------

    def _replace(self, node: Node, new: object, column: int, *, in_flow: bool) -> None:
        is_scalar = node.entries is None and node.items is None
        if in_flow or (is_scalar and not isinstance(new, dict | list | str)) or column < 0:
            self._put(node, yaml_text.inline(new, in_flow=in_flow, style=node.style))
        elif is_scalar and isinstance(new, str):
            text = "" if node.style else yaml_text.block(new, column + 2)
            text = text or yaml_text.inline(new, in_flow=False, style="" if "\n" in new else node.style)
            self._put(node, text)
        else:
            self._replace_block(node, new, column)

    def _replace_block(self, node: Node, new: object, column: int) -> None:
        """What may begin in the line below its key."""
        before = self._text[: node.start].rstrip(" ")
        if node.start == node.end or not before.endswith(("\n", "\r")):
            text = yaml_text.after_key(new, column)
            if text.startswith("\n") or node.start == node.end:
                self._cuts.append((len(before), node.end, text))
            else:
                self._cuts.append((node.start, node.end, text.removeprefix(" ")))
            return
        line = self._line(node.start)
        gap = re.search(r":[ \t]*(?:#[^\r\n]*)?(?:[\r\n]+[ \t]*(?:#[^\r\n]*)?)*$", self._text[:line])
        if gap is None or "#" in gap[0]:
            self._refuse("a comment is in the way")
        colon = gap.start() + 1
        self._cuts.append((colon, self._line_end(node.end), yaml_text.after_key(new, column)))

    def _put(self, node: Node, text: str) -> None:
        is_empty = node.start == node.end and self._text[node.start - 1 : node.start] in (":", "-")
        self._cuts.append((node.start, node.end, f" {text}" if is_empty else text))

    def _block(self, node: Node, new: str, column: int) -> str:
        """A text of several lines, in the form that it has, or else in another."""
        old = _BREAK.split(self._text[node.start : node.end])
        body = [line for line in old[1:] if line.strip()]
        indent = len(body[0]) - len(body[0].lstrip(" ")) if body else column + 2
        header = re.sub(r"^([|>])[-+]", r"\1", old[0])
        if _HEADER.match(old[0]) and new.strip("\n"):
            stripped = [line[indent:] for line in body]
            make = yaml_text.folded(header, new, indent, stripped) if node.style == ">" else ""
            for text in (make, yaml_text.literal("|" + header[1:], new, indent)):
                if text and yaml_text.reads_as(f"k: {text}\n", {"k": new}):
                    return text
        return yaml_text.inline(new, in_flow=False)

    # Places ----------------------------------------------------------------------------------

    def _line(self, at: int) -> int:
        """Where the line of a place begins."""
        return max(self._text.rfind("\n", 0, at), self._text.rfind("\r", 0, at)) + 1

    def _line_end(self, at: int) -> int:
        match = _BREAK.search(self._text, at)
        return match.start() if match else len(self._text)

    def _column(self, at: int) -> int:
        return at - self._line(at)

    def _dash(self, item: Node) -> int:
        """Where the dash of a list's item is."""
        before = re.search(r"-[ \t]*(?:&[^\s]+[ \t]*)?$", self._text[self._line(item.start) : item.start])
        if before is None:
            self._refuse("a dash stands in a line of its own")
        return self._line(item.start) + before.start()

    @staticmethod
    def _refuse(why: str) -> NoReturn:
        raise SpliceError(f"{why}: edit the file by hand")


def _runs(stays: Sequence[bool]) -> Iterator[tuple[int, int]]:
    """First and last of each run of what goes."""
    first = None
    for index, stay in enumerate([*stays, True]):
        if not stay and first is None:
            first = index
        elif stay and first is not None:
            yield first, index - 1
            first = None
