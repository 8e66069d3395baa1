"""Only commits of known people: each must be signed with an SSH key of a list that lies outside of the repository."""

from pathlib import Path

from cosmos.errors import SourceError
from cosmos.source.git import Git, clean, first_line

MOST = 1000
"""Commits that are checked at once."""
_AT_ONCE = 50
_TIMEOUT_S = 120.0

_ONLY_SSH = (
    *("-c", "gpg.minTrustLevel=fully", "-c", "gpg.ssh.program=ssh-keygen"),
    *("-c", "gpg.program=false", "-c", "gpg.openpgp.program=false", "-c", "gpg.x509.program=false"),
)
"""A signature of another kind would be held against the keys of whoever runs cosmos, and not against the list."""


def check_signatures(git: Git, signers: Path, old: str, new: str) -> None:
    """The newest commit, and every one on the way to it since the one that was applied.

    The way is that of first parents: who signs a merge answers for what was merged. A newest commit that lies before
    the one that was applied is checked too: it may never have been.

    Raises:
        SourceError: One is not signed by somebody of the list.
    """
    if not signers.is_file():
        raise SourceError(
            f"git.allowed_signers: there is no file {signers}", "make it again: until then nothing is taken"
        )
    words = ("rev-list", "--first-parent", f"--max-count={MOST + 1}", "--end-of-options", new, f"^{old}")
    later = git.run(*words).decode("ascii").split() if old else []
    if len(later) > MOST:
        raise SourceError(
            f"more than {MOST} commits since {old[:10]} would have to be checked", "apply one in between: see git.ref"
        )
    found = list(dict.fromkeys((new, *later)))
    for begin in range(0, len(found), _AT_ONCE):
        _check(git, signers, found[begin : begin + _AT_ONCE])


def _check(git: Git, signers: Path, commits: list[str]) -> None:
    """All at once; where that fails, one after the other to find which."""
    trusted = (*_ONLY_SSH, "-c", f"gpg.ssh.allowedSignersFile={signers}")
    for some in (commits, *([commit] for commit in commits)):
        code, _, said = git.ask(*trusted, "verify-commit", "--end-of-options", *some, timeout_s=_TIMEOUT_S)
        if code == 0 and some is commits:
            return
        if code != 0 and some is not commits:
            raise _unsigned(git, signers, some[0], said)
    raise SourceError(f"signatures cannot be checked: {first_line(said)}", "it is tried again by itself")


def _unsigned(git: Git, signers: Path, sha: str, said: str) -> SourceError:
    if "ssh-keygen" in said and "No such file" in said:
        return SourceError(
            "signatures cannot be checked: ssh-keygen is not installed", "apt-get install openssh-client"
        )
    who = git.run("log", "-1", "--no-show-signature", "--encoding=UTF-8", "--format=%an <%ae>", sha)
    why = f": {first_line(said)}" if said else ""
    return SourceError(
        f"commit {sha[:10]} by {clean(who.decode('utf-8', 'replace'))} is not signed by one of {signers}{why}",
        "sign it (git commit --amend -S), or add the key of its author to that file",
    )
