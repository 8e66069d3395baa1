"""Schema versions. `upgrade` is called by `cosmos.state.database` when the stored one is not `HEAD`.

Alembic is imported only then: it costs more than a whole `cosmos status`. New versions go into
`versions/` and at the end of `HISTORY`; a test holds the two together.
"""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from alembic.config import Config
    from sqlalchemy import Connection

HISTORY = ("0001", "0002", "0003", "0004", "0005")
"""Every version there was, oldest first."""

HEAD = HISTORY[-1]


def upgrade(connection: "Connection") -> None:
    """Bring the schema to HEAD inside the caller's transaction; at HEAD it does nothing."""
    from alembic import command

    config = configuration()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def configuration() -> "Config":
    """What alembic.ini would say."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config
