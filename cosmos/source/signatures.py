"""Only commits of known people: each must be signed with an SSH key of a list that lies outside of the repository."""

from pathlib import Path

from cosmos.errors import SourceError
from cosmos.source.git import Git, first_line

MOST = 1000
"""Commits that are checked at once."""


def check_signatures(git: Git, signers: Path, old: str, new: str) -> None:
    """Every commit since the one that was applied; the first time only the newest.

    Raises:
        SourceError: One is not signed by somebody of the list.
    """
    words = ("rev-list", "--first-parent", f"--max-count={MOST + 1}", new, *([f"^{old}"] if old else []))
    found = git.run(*words).decode("ascii").split()
    if len(found) > MOST and old:
        raise SourceError(
            f"more than {MOST} commits since {old[:10]} would have to be checked", "apply one in between: see git.ref"
        )
    for sha in found if old else found[:1]:
        trusted = ("-c", f"gpg.ssh.allowedSignersFile={signers}", "-c", "gpg.minTrustLevel=fully")
        code, _, said = git.ask(*trusted, "verify-commit", "--end-of-options", sha)
        if code != 0:
            out = git.run("log", "-1", "--no-show-signature", "--format=%an <%ae>", sha)
            who, why = out.decode("utf-8", "replace").strip(), f": {first_line(said)}" if said else ""
            raise SourceError(
                f"commit {sha[:10]} by {who.strip()} is not signed by one of {signers}{why}",
                "sign it (git commit --amend -S), or add the key of its author to that file",
            )
