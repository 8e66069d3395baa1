"""Names from texts: the few words that tell one prompt from the others. No model, no chance, the same each time."""

import re
import unicodedata
from collections.abc import Collection, Iterable
from itertools import count

WORDS = 3
LONGEST = 40

_EMPTY = frozenset(
    """
    a an and are as at be been by for from has have in into is it its of off on onto or over so some than that the their
    them there these this those through to under up upon very was were which while with within without no not
    scene shot view image video photo picture footage render rendering style look camera background foreground
    cinematic photorealistic realistic detailed highly quality resolution high low ultra sharp
    showing shows show featuring features depicting depicts
    """.split()  # noqa: SIM905 - as words, and not as a page of quotes
)
"""Words that are in every prompt, or say nothing of it alone."""


def name_of(text: str, others: Iterable[str], taken: Collection[str]) -> str:
    """`heavy-rain-avenue`: words that few other texts have, in the order of this one.

    Args:
        text: What is to be named.
        others: Texts that it is to be told apart from.
        taken: Names that there are; a number tells from them.
    """
    known = [frozenset(_words(other)) for other in others]
    words = list(dict.fromkeys(_words(text)))
    ranked = sorted(words, key=lambda word: (sum(word in other for other in known), words.index(word)))
    chosen = sorted(ranked[:WORDS], key=words.index)
    while len(chosen) > 1 and len("-".join(chosen)) > LONGEST:
        chosen.pop()
    return unique("-".join(chosen)[:LONGEST].strip("-") or "prompt", taken)


def unique(base: str, taken: Collection[str]) -> str:
    """The name, or with the first number that makes it another one."""
    if base not in taken:
        return base
    return next(name for number in count(2) if (name := f"{base}-{number}") not in taken)


def _words(text: str) -> list[str]:
    folded = unicodedata.normalize("NFKD", text.casefold()).encode("ascii", "ignore").decode()
    return [
        word for word in re.findall("[a-z0-9]+", folded) if len(word) > 2 and word not in _EMPTY and not word.isdigit()
    ]
