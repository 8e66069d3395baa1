"""What all pages of one server share: the project, and what is done by them. Nothing of a user."""

from dataclasses import dataclass, field

from cosmos.api import CosmosAPI
from cosmos.ui.acting import Acts
from cosmos.ui.applying import Applying
from cosmos.ui.checks import Checks
from cosmos.ui.editing import Drafts
from cosmos.ui.reading import Reading


@dataclass(frozen=True)
class Desk:
    """The project and what this server does with it."""

    cosmos: CosmosAPI
    applying: Applying = field(init=False)
    drafts: Drafts = field(init=False)
    acts: Acts = field(init=False)
    checks: Checks = field(init=False)
    reading: Reading = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "applying", Applying(self.cosmos))
        object.__setattr__(self, "drafts", Drafts(self.cosmos))
        object.__setattr__(self, "acts", Acts(self.cosmos, self.applying))
        object.__setattr__(self, "checks", Checks(self.cosmos))
        object.__setattr__(self, "reading", Reading(self.cosmos))

    def version(self) -> str:
        """Another text once there may be something new to show."""
        new = (
            self.applying.version,
            self.reading.version,
            self.cosmos.library.version(),
            self.cosmos.gallery.version(),
        )
        return " ".join(map(str, new))

    def leave(self) -> None:
        """The server ends."""
        self.applying.leave()
