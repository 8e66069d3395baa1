"""Where each value of a YAML text begins and ends, for edits that touch nothing else.

`core.rewriting` asks. The text has passed `core.yaml12`, which refuses what would crash the composer used here:
it is short, not deep, and has no tags.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import yaml

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_ALIAS = re.compile(r"\*[^\s,\[\]{}]+")
_ANCHOR = re.compile(r"&[^\s,\[\]{}]+\s*")


@dataclass(slots=True)
class Node:
    """A value as it is written: from its first letter to its last one, without what follows on the line.

    `style` is `'`, `"`, `|` or `>` of a scalar, empty for a plain one. Of a mapping `entries` are set, of a list
    `items`; both are empty for what an alias repeats.
    """

    start: int
    end: int
    style: str = ""
    is_flow: bool = False
    is_alias: bool = False
    entries: "list[tuple[str, Node, Node]] | None" = None
    """Key as text, the key's node, the value's node."""
    items: "list[Node] | None" = None


@dataclass(slots=True)
class _Reading:
    text: str
    seen: set[int] = field(default_factory=set)

    def node(self, found: yaml.Node, after: int) -> Node:
        """`after` is where what stands before it ends, which is all that is known of the place of an alias."""
        if id(found) in self.seen:
            match = _ALIAS.search(self.text, after)
            return Node(match.start() if match else after, match.end() if match else after, is_alias=True)
        self.seen.add(id(found))
        start, end = found.start_mark.index, found.end_mark.index
        if anchor := _ANCHOR.match(self.text, start, end):
            start = anchor.end()
        if isinstance(found, yaml.MappingNode):
            return self._mapping(found, start, end)
        if isinstance(found, yaml.SequenceNode):
            return self._list(found, start, end)
        style = str(getattr(found, "style", None) or "")
        if style in ("|", ">") and "+" not in self.text[start:end].partition("\n")[0].partition("#")[0]:
            end = start + len(self.text[start:end].rstrip())
        return Node(start, end, style)

    def _mapping(self, found: yaml.MappingNode, start: int, end: int) -> Node:
        made = Node(start, end, is_flow=bool(found.flow_style), entries=[])
        after = start
        for key, value in found.value:
            left = Node(key.start_mark.index, key.end_mark.index, key.style or "")
            right = self.node(value, left.end)
            after = max(right.end, left.end)
            assert made.entries is not None  # noqa: S101 - set just above
            made.entries.append((str(key.value), left, right))
        return made if made.is_flow else _ending(made, after)

    def _list(self, found: yaml.SequenceNode, start: int, end: int) -> Node:
        made = Node(start, end, is_flow=bool(found.flow_style), items=[])
        after = start
        for item in found.value:
            assert made.items is not None  # noqa: S101 - set just above
            made.items.append(self.node(item, after))
            after = max(after, made.items[-1].end)
        return made if made.is_flow else _ending(made, after)


def _ending(node: Node, end: int) -> Node:
    """A block has its end where its last value ends; the parser's is beyond the comments that follow."""
    node.end = end
    return node


def documents(text: str) -> Iterator[Node]:
    """The value of each document of a text that is known to be good, empty ones included."""
    for found in yaml.compose_all(text, Loader=_LOADER):
        yield _Reading(text).node(found, 0)
