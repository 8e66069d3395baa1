"""What a machine in memory keeps, and how long nobody has used it, by the rules of bash/stored.sh and bash/discard.sh.

There are no leftovers: a blob has its name, or is not there, and a run directory goes in one step.
"""

import hashlib
from collections.abc import Iterable

from cosmos.core.stock import Stock, Stored
from cosmos.hosts.memory.parts import File, RunDirectory, Tree


def stock(tree: Tree, now: float) -> Stock:
    """`now` is the host's clock."""
    return Stock(
        blobs={sha256: _blob(tree, file, now) for sha256, file in tree.blobs.items()},
        folders={name: _folder(directory, now) for name, directory in tree.directories.items()},
    )


def damaged(tree: Tree, blobs: Iterable[str]) -> frozenset[str]:
    there = ((sha256, tree.blobs[sha256]) for sha256 in blobs if sha256 in tree.blobs)
    return frozenset(sha256 for sha256, file in there if hashlib.sha256(file.data).hexdigest() != sha256)


def unused(tree: Tree, blobs: Iterable[str], idle_s: float, now: float) -> frozenset[str]:
    there = ((sha256, _blob(tree, tree.blobs[sha256], now)) for sha256 in blobs if sha256 in tree.blobs)
    return frozenset(sha256 for sha256, blob in there if blob.links == 1 and blob.idle_s >= idle_s)


def _blob(tree: Tree, file: File, now: float) -> Stored:
    links = sum(held is file for directory in tree.directories.values() for held in directory.inputs.values())
    return Stored(size=len(file.data), idle_s=max(0.0, now - file.changed), links=1 + links)


def _folder(directory: RunDirectory, now: float) -> Stored:
    """Its inputs have another name each, and free nothing."""
    size = len(directory.log) + len(directory.times) + sum(map(len, directory.outputs.values()))
    ended = directory.record.ended_at if directory.record else None
    claimed = directory.claim.at if directory.claim else None
    moments = (directory.made, claimed, directory.began, ended)
    return Stored(size=size, idle_s=max(0.0, now - max(each for each in moments if each is not None)))
