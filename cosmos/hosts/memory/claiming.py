"""Whose a project's folder on a machine in memory is, by the rules of bash/claim.sh."""

from cosmos.hosts.memory.parts import Tree
from cosmos.hosts.ownership import FENCED, FOREIGN, Owner, turned_away


def follow(host: str, tree: Tree, owner: Owner) -> None:
    """Be the one who acts in a folder.

    Raises:
        Fenced: A later controller has been here.
        HostUnreachable: It belongs to another one.
    """
    there = tree.owner
    if there is not None and not there.is_followed_by(owner, lambda place: False):
        raise turned_away(host, FOREIGN, there.line.encode())
    if there is not None and there.epoch > owner.epoch:
        raise turned_away(host, FENCED, there.line.encode())
    tree.owner = owner
